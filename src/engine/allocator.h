// SPDX-License-Identifier: MIT
// Free records. Each slot keeps short lists of its own (format FreeLists), refilled from and flushed to the volume's
// pools in batches, by transactions: nothing leaks when a process dies between two steps. A dead slot's lists stay with
// the slot: the next owner has them, or whoever finds the pools empty.
//
// prepare() runs BEFORE the caller's transaction takes its locks and makes sure that many of each are at hand; take_x and
// give_x then only move records between the slot's list and the caller's structures, logged, inside its transaction.
//
// Lists are stacks: take_x pops the head, give_x pushes it. What a transaction gave back it must not take again: the
// record's contents are needed if it is rolled back.
//
// Log entries: take_page and give_page 3, the other takes 1, the other gives 2.
#pragma once

#include "engine/transaction.h"

namespace bt::engine {

struct Needs {
  uint32_t inodes = 0;
  uint32_t dentries = 0;
  uint32_t pages = 0;
  uint32_t descriptions = 0;
  uint32_t file_locks = 0;
};

// What a refill or a flush moves, so that a pool's lock is taken once in so many operations.
inline constexpr uint32_t kBatchRecords = 32;
inline constexpr uint32_t kBatchPages = 64;
// Above it, settle() flushes down to a batch.
inline constexpr uint32_t kListRecordsMax = 4 * kBatchRecords;
inline constexpr uint32_t kListPagesMax = 4 * kBatchPages;

Result<void> refill_lists(Thread& thread, const Needs& needs);
void flush_excess(Thread& thread);
// All lists go to the pools; before detaching.
void flush_lists(Thread& thread);
// A slot without an owner becomes this thread's, besides its own; false when somebody else's. To empty its lists, say.
bool attach_idle_slot(Thread& thread, SlotIndex index);

// ENOSPC (inodes, dentries, pages), ENFILE (descriptions), ENOLCK (file locks), EIO.
inline Result<void> prepare(Thread& thread, const Needs& needs) {
  const FreeLists& free = thread.slot->free;
  if (free.inode_count >= needs.inodes && free.dentry_count >= needs.dentries &&
      free.page_count >= needs.pages && free.description_count >= needs.descriptions &&
      free.file_lock_count >= needs.file_locks) [[likely]]
    return {};
  return refill_lists(thread, needs);
}

// Flushes lists that grew beyond their limit; call after a commit that gave records back. Never fails.
inline void settle(Thread& thread) {
  const FreeLists& free = thread.slot->free;
  if (free.inode_count > kListRecordsMax || free.dentry_count > kListRecordsMax ||
      free.page_count > kListPagesMax || free.description_count > kListRecordsMax ||
      free.file_lock_count > kListRecordsMax) [[unlikely]]
    flush_excess(thread);
}

// How each kind of record is listed: {head, count} is one word of the slot, the link one of the record.
namespace free_list {
inline uint64_t& of(SlotRecord& slot, InodeIndex) {
  return reinterpret_cast<uint64_t&>(slot.free.inodes);
}
inline uint64_t& of(SlotRecord& slot, DentryIndex) {
  return reinterpret_cast<uint64_t&>(slot.free.dentries);
}
inline uint64_t& of(SlotRecord& slot, PageIndex) {
  return reinterpret_cast<uint64_t&>(slot.free.pages);
}
inline uint64_t& of(SlotRecord& slot, DescriptionIndex) {
  return reinterpret_cast<uint64_t&>(slot.free.descriptions);
}
inline uint64_t& of(SlotRecord& slot, FileLockIndex) {
  return reinterpret_cast<uint64_t&>(slot.free.file_locks);
}
inline InodeIndex* link(const Volume& volume, InodeIndex index) {
  InodeRecord* record = volume.inode(index);
  return record ? &record->next : nullptr;
}
inline DentryIndex* link(const Volume& volume, DentryIndex index) {
  DentryRecord* record = volume.dentry(index);
  return record ? &record->chain_next : nullptr;
}
inline PageIndex* link(const Volume& volume, PageIndex index) {
  PageDescriptor* record = volume.page_descriptor(index);
  return record ? &record->next : nullptr;
}
inline DescriptionIndex* link(const Volume& volume, DescriptionIndex index) {
  DescriptionRecord* record = volume.description(index);
  return record ? &record->free_next : nullptr;
}
inline FileLockIndex* link(const Volume& volume, FileLockIndex index) {
  FileLockRecord* record = volume.file_lock(index);
  return record ? &record->next : nullptr;
}
constexpr uint64_t make_word(uint32_t head, uint32_t count) {
  return static_cast<uint64_t>(count) << 32 | head;
}
constexpr uint32_t head_of(uint64_t word) { return static_cast<uint32_t>(word); }
constexpr uint32_t count_of(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

template <typename Index>
inline Index take(Transaction& txn, Thread& thread) {
  uint64_t& list = of(*thread.slot, Index{});
  Index head{head_of(list)};
  Index* next = link(*thread.volume, head);
  if (!next || count_of(list) == 0) [[unlikely]] {
    (void)BT_DAMAGED(*thread.volume);
    return Index::kNone;
  }
  txn.store(list, make_word(raw(*next), count_of(list) - 1));
  return head;
}

template <typename Index>
inline void give(Transaction& txn, Thread& thread, Index index) {
  uint64_t& list = of(*thread.slot, Index{});
  Index* next = link(*thread.volume, index);
  if (!next) [[unlikely]] {
    (void)BT_DAMAGED(*thread.volume);
    return;
  }
  txn.store(*next, Index{head_of(list)});
  txn.store(list, make_word(raw(index), count_of(list) + 1));
}
}  // namespace free_list

// Precondition: prepare() promised it. The record's contents are rubbish except its free link. kNone: damage was found.
inline InodeIndex take_inode(Transaction& txn, Thread& thread) {
  return free_list::take<InodeIndex>(txn, thread);
}
inline DentryIndex take_dentry(Transaction& txn, Thread& thread) {
  return free_list::take<DentryIndex>(txn, thread);
}
// use: PageUse. The page's 4096 bytes are rubbish.
PageIndex take_page(Transaction& txn, Thread& thread, InodeIndex owner, uint32_t index,
                    uint8_t use);
inline DescriptionIndex take_description(Transaction& txn, Thread& thread) {
  return free_list::take<DescriptionIndex>(txn, thread);
}
inline FileLockIndex take_file_lock(Transaction& txn, Thread& thread) {
  return free_list::take<FileLockIndex>(txn, thread);
}

// Precondition: nothing refers to the record any more once the transaction commits.
inline void give_inode(Transaction& txn, Thread& thread, InodeIndex inode) {
  free_list::give(txn, thread, inode);
}
inline void give_dentry(Transaction& txn, Thread& thread, DentryIndex dentry) {
  free_list::give(txn, thread, dentry);
}
void give_page(Transaction& txn, Thread& thread, PageIndex page);
inline void give_description(Transaction& txn, Thread& thread, DescriptionIndex description) {
  free_list::give(txn, thread, description);
}
inline void give_file_lock(Transaction& txn, Thread& thread, FileLockIndex file_lock) {
  free_list::give(txn, thread, file_lock);
}

// For page_return.cc: up to `count` pages of a pool's list become the slot's; how many. And back.
Result<uint32_t> pull_pages(Thread& thread, FreePool& pool, uint32_t count);
Result<void> push_pages(Thread& thread, FreePool& pool, uint32_t count);

// Sums over pools and slots; exact when nothing runs. For statfs and check.
struct Space {
  uint64_t pages_total, pages_free, inodes_total, inodes_free, dentries_total, dentries_free;
};
Space measure_space(const Volume& volume);

}  // namespace bt::engine
