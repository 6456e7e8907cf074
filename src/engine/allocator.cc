// SPDX-License-Identifier: MIT
#include "engine/allocator.h"

#include "base/plant.h"
#include "base/user_copy.h"
#include "engine/housekeeping.h"
#include "engine/seq_read.h"
#include "metrics/meter.h"

namespace bt::engine {
namespace {

using base::min;
using namespace free_list;  // NOLINT: this file is about nothing else

FreePool& pool_of(Superblock& super, InodeIndex) { return super.free_inodes; }
FreePool& pool_of(Superblock& super, DentryIndex) { return super.free_dentries; }
FreePool& pool_of(Superblock& super, PageIndex) { return super.free_pages; }
FreePool& pool_of(Superblock& super, DescriptionIndex) { return super.free_descriptions; }
FreePool& pool_of(Superblock& super, FileLockIndex) { return super.free_file_locks; }
const Region& region_of(const Geometry& g, InodeIndex) { return g.inodes; }
const Region& region_of(const Geometry& g, DentryIndex) { return g.dentries; }
const Region& region_of(const Geometry& g, PageIndex) { return g.pages; }
const Region& region_of(const Geometry& g, DescriptionIndex) { return g.descriptions; }
const Region& region_of(const Geometry& g, FileLockIndex) { return g.file_locks; }
constexpr uint32_t batch_of(PageIndex) { return kBatchPages; }
template <typename Index>
constexpr uint32_t batch_of(Index) {
  return kBatchRecords;
}
constexpr uint32_t limit_of(PageIndex) { return kListPagesMax; }
template <typename Index>
constexpr uint32_t limit_of(Index) {
  return kListRecordsMax;
}

// {owner, next} and {use, flags, pins, index}.
uint64_t& descriptor_word(PageDescriptor& descriptor, uint32_t which) {
  return reinterpret_cast<uint64_t*>(&descriptor)[which];
}

// The link of the last of `count` records that begin with `head`; nullptr: damage.
template <typename Index>
Index* last_link(const Volume& volume, Index head, uint32_t count) {
  Index* next = link(volume, head);
  while (next && --count > 0) next = link(volume, *next);
  if (!next) (void)BT_DAMAGED(volume);
  return next;
}

// Moves up to `want` records of the pool's list to the slot's; how many.
template <typename Index>
Result<uint32_t> pull_used(Transaction& txn, Thread& thread, FreePool& pool, uint32_t want) {
  uint32_t count = static_cast<uint32_t>(min<uint64_t>(want, pool.count));
  if (count == 0) return 0u;
  uint64_t& list = of(*thread.slot, Index{});
  Index* last = last_link(*thread.volume, Index{pool.head}, count);
  if (!last) return error::volume_corrupt;
  uint32_t first = pool.head;
  txn.store(pool.head, raw(*last));
  txn.store(pool.count, pool.count - count);
  txn.store(*last, Index{head_of(list)});
  txn.store(list, make_word(first, count_of(list) + count));
  return count;
}

// The same of records that were never used: nobody sees them, so their links need no log. In ascending order, so that
// the pages of a new file follow each other.
template <typename Index>
Result<void> pull_fresh(Transaction& txn, Thread& thread, FreePool& pool, uint32_t want) {
  const Volume& volume = *thread.volume;
  uint64_t end = region_of(volume.geometry(), Index{}).count;
  uint32_t fresh = pool.fresh;
  if (fresh == 0 || fresh > end) return BT_DAMAGED(volume);
  uint32_t count = static_cast<uint32_t>(min<uint64_t>(want, end - fresh));
  if (count == 0) return {};
  uint64_t& list = of(*thread.slot, Index{});
  for (uint32_t i = 0; i + 1 < count; i++) {
    base::touch(link(volume, Index{fresh + i}));
    *link(volume, Index{fresh + i}) = Index{fresh + i + 1};
  }
  *link(volume, Index{fresh + count - 1}) = Index{head_of(list)};
  txn.store(pool.fresh, fresh + count);
  txn.store(list, make_word(fresh, count_of(list) + count));
  return {};
}

template <typename Index>
Result<void> pull(Thread& thread, uint32_t need) {
  FreePool& pool = pool_of(thread.volume->superblock(), Index{});
  uint32_t have = count_of(of(*thread.slot, Index{}));
  uint32_t want = base::max(need, batch_of(Index{})) - have;
  Transaction txn(thread);
  BT_TRY(txn.lock(pool.lock, shm::LockRank::kAllocator));
  BT_TRY_ASSIGN(uint32_t pulled, pull_used<Index>(txn, thread, pool, want));
  if (pulled < want) BT_TRY(pull_fresh<Index>(txn, thread, pool, want - pulled));
  txn.commit();
  return {};
}

Result<uint32_t> pull_from(Thread& thread, FreePool& pool, uint32_t count) {
  Transaction txn(thread);
  BT_TRY(txn.lock(pool.lock, shm::LockRank::kAllocator));
  BT_TRY_ASSIGN(uint32_t pulled, pull_used<PageIndex>(txn, thread, pool, count));
  txn.commit();
  return pulled;
}

// Pages that have memory come first, then those whose memory was returned, then the untouched: more of the volume is
// touched only when it must be.
template <>
Result<void> pull<PageIndex>(Thread& thread, uint32_t need) {
  Superblock& super = thread.volume->superblock();
  uint64_t& list = of(*thread.slot, PageIndex{});
  uint32_t goal = base::max(need, kBatchPages);
  BT_TRY(pull_from(thread, super.free_pages, goal - count_of(list)));
  if (count_of(list) >= need) return {};
  if (load_relaxed(super.returned_pages.count) != 0)
    BT_TRY(pull_from(thread, super.returned_pages, goal - count_of(list)));
  if (count_of(list) >= need) return {};
  Transaction txn(thread);
  BT_TRY(txn.lock(super.free_pages.lock, shm::LockRank::kAllocator));
  BT_TRY(pull_fresh<PageIndex>(txn, thread, super.free_pages, goal - count_of(list)));
  txn.commit();
  return {};
}

// Moves `count` records from the slot's list to a pool's.
template <typename Index>
Result<void> push(Thread& thread, FreePool& pool, uint32_t count) {
  if (count == 0) return {};
  Transaction txn(thread);
  BT_TRY(txn.lock(pool.lock, shm::LockRank::kAllocator));
  uint64_t& list = of(*thread.slot, Index{});
  Index* last = last_link(*thread.volume, Index{head_of(list)}, count);
  if (!last) return error::volume_corrupt;
  uint32_t first = head_of(list);
  txn.store(list, make_word(raw(*last), count_of(list) - count));
  txn.store(*last, Index{pool.head});
  txn.store(pool.head, first);
  txn.store(pool.count, pool.count + count);
  txn.commit();
  return {};
}

// Slots without an owner may hold the last free records. Each is attached like any other, so a kill here is one like any
// other.
void empty_idle_slots(Thread& thread) {
  for (uint32_t i = 1; i < thread.volume->slots_used(); i++) {
    const FreeLists& lists = thread.volume->slot(SlotIndex{i})->free;
    if (!(lists.inode_count | lists.dentry_count | lists.page_count | lists.description_count |
          lists.file_lock_count))
      continue;
    Thread idle;
    idle.volume = thread.volume;
    idle.robust.head = thread.robust.head;
    idle.robust.thread_id = thread.robust.thread_id;
    if (attach_idle_slot(idle, SlotIndex{i})) detach_thread(idle);
  }
}

template <typename Index>
Result<void> supply(Thread& thread, uint32_t need, int errno_value) {
  if (count_of(of(*thread.slot, Index{})) >= need) return {};
  BT_TRY(pull<Index>(thread, need));
  if (count_of(of(*thread.slot, Index{})) >= need) return {};
  empty_idle_slots(thread);
  BT_TRY(pull<Index>(thread, need));
  if (count_of(of(*thread.slot, Index{})) >= need) return {};
  return Error(errno_value);
}

template <typename Index>
void flush_to(Thread& thread, uint32_t limit, uint32_t keep) {
  uint32_t count = count_of(of(*thread.slot, Index{}));
  if (count > limit)
    (void)push<Index>(thread, pool_of(thread.volume->superblock(), Index{}), count - keep)
        .has_value();
}
}  // namespace

Result<void> refill_lists(Thread& thread, const Needs& needs) {
  Housekeeping housekeeping(thread);
  BT_TRY(supply<InodeIndex>(thread, needs.inodes, ENOSPC));
  BT_TRY(supply<DentryIndex>(thread, needs.dentries, ENOSPC));
  BT_TRY(supply<PageIndex>(thread, needs.pages, ENOSPC));
  BT_TRY(supply<DescriptionIndex>(thread, needs.descriptions, ENFILE));
  return supply<FileLockIndex>(thread, needs.file_locks, ENOLCK);
}

void flush_excess(Thread& thread) {
  Housekeeping housekeeping(thread);
  flush_to<InodeIndex>(thread, limit_of(InodeIndex{}), batch_of(InodeIndex{}));
  flush_to<DentryIndex>(thread, limit_of(DentryIndex{}), batch_of(DentryIndex{}));
  flush_to<PageIndex>(thread, limit_of(PageIndex{}), batch_of(PageIndex{}));
  flush_to<DescriptionIndex>(thread, limit_of(DescriptionIndex{}), batch_of(DescriptionIndex{}));
  flush_to<FileLockIndex>(thread, limit_of(FileLockIndex{}), batch_of(FileLockIndex{}));
}

void flush_lists(Thread& thread) {
  Housekeeping housekeeping(thread);
  flush_to<InodeIndex>(thread, 0, 0);
  flush_to<DentryIndex>(thread, 0, 0);
  flush_to<PageIndex>(thread, 0, 0);
  flush_to<DescriptionIndex>(thread, 0, 0);
  flush_to<FileLockIndex>(thread, 0, 0);
}

Result<uint32_t> pull_pages(Thread& thread, FreePool& pool, uint32_t count) {
  return pull_from(thread, pool, count);
}

Result<void> push_pages(Thread& thread, FreePool& pool, uint32_t count) {
  return push<PageIndex>(thread, pool, count);
}

PageIndex take_page(Transaction& txn, Thread& thread, InodeIndex owner, uint32_t index,
                    uint8_t use) {
  PageIndex page = take<PageIndex>(txn, thread);
  PageDescriptor* descriptor = thread.volume->page_descriptor(page);
  if (!descriptor) return PageIndex::kNone;
  if (BT_PLANT(free_link_unlogged)) descriptor_word(*descriptor, 0) = 0;
  if (BT_PLANT(shared_counter_logged)) {
    uint64_t& counter = thread.volume->superblock().dirtree_seq;
    txn.store(counter, counter);
  }
  txn.store(descriptor_word(*descriptor, 0), raw(owner));
  txn.store(descriptor_word(*descriptor, 1), use | static_cast<uint64_t>(index) << 32);
  metrics::count_event(*thread.block, metrics::Event::k_pages_allocated);
  return page;
}

void give_page(Transaction& txn, Thread& thread, PageIndex page) {
  PageDescriptor* descriptor = thread.volume->page_descriptor(page);
  if (!descriptor) {
    (void)BT_DAMAGED(*thread.volume);
    return;
  }
  uint64_t& list = of(*thread.slot, PageIndex{});
  txn.store(descriptor_word(*descriptor, 0), static_cast<uint64_t>(head_of(list)) << 32);
  txn.store(descriptor_word(*descriptor, 1), kPageFree);
  txn.store(list, make_word(raw(page), count_of(list) + 1));
  metrics::count_event(*thread.block, metrics::Event::k_pages_freed);
}

Space measure_space(const Volume& volume) {
  const Superblock& super = volume.superblock();
  const Geometry& g = volume.geometry();
  Space space = {};
  space.pages_total = g.pages.count - 1;
  space.inodes_total = g.inodes.count - 1;
  space.pages_free =
      super.free_pages.count + super.returned_pages.count + g.pages.count - super.free_pages.fresh;
  space.inodes_free = super.free_inodes.count + g.inodes.count - super.free_inodes.fresh;
  space.dentries_total = g.dentries.count - 1;
  space.dentries_free = super.free_dentries.count + g.dentries.count - super.free_dentries.fresh;
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    const FreeLists& lists = volume.slot(SlotIndex{i})->free;
    space.dentries_free += lists.dentry_count;
    space.pages_free += lists.page_count;
    space.inodes_free += lists.inode_count;
  }
  space.pages_free = min(space.pages_free, space.pages_total);
  space.inodes_free = min(space.inodes_free, space.inodes_total);
  space.dentries_free = min(space.dentries_free, space.dentries_total);
  return space;
}

}  // namespace bt::engine
