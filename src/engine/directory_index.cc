// SPDX-License-Identifier: MIT
#include "engine/directory_index.h"

namespace bt::engine {
namespace {

using detail::load_half;
using detail::load_word;

// Chains are a few entries long; beyond this a walk looks whether it has been misled by a writer.
constexpr uint32_t kCheckEvery = 256;

inline bool equal_bytes(const char* a, const char* b, uint32_t size) {
  if (size >= 8) {
    for (uint32_t at = 0; at + 8 < size; at += 8)
      if (load_word(a + at) != load_word(b + at)) return false;
    return load_word(a + size - 8) == load_word(b + size - 8);
  }
  if (size >= 4)
    return load_half(a) == load_half(b) && load_half(a + size - 4) == load_half(b + size - 4);
  for (uint32_t at = 0; at < size; at++)
    if (load_relaxed(a[at]) != load_relaxed(b[at])) return false;
  return true;
}

const DentryContinuation* continuation_at(const Volume& volume, DentryIndex index) {
  return reinterpret_cast<const DentryContinuation*>(volume.dentry(index));
}

bool equal_tail(const Volume& volume, DentryIndex next, Text name) {
  for (uint32_t at = kDentryNameBytes; at < name.size; at += kContinuationNameBytes) {
    const DentryContinuation* more = continuation_at(volume, next);
    if (!more) return false;
    uint32_t size = base::min(name.size - at, kContinuationNameBytes);
    if (!equal_bytes(more->name, name.data + at, size)) return false;
    next = load_relaxed(more->next);
  }
  return true;
}

inline bool has_name(const Volume& volume, const DentryRecord& dentry, Text name) {
  if (load_relaxed(dentry.name_size) != name.size) return false;
  if (!equal_bytes(dentry.name, name.data, base::min(name.size, kDentryNameBytes))) return false;
  return name.size <= kDentryNameBytes ||
         equal_tail(volume, load_relaxed(dentry.continuation), name);
}

enum class Walk { kDone, kMisled };

// Walks the chain of `hash` under a sequence that may move (lock == nullptr: under the lock). kMisled: an index out of range
// or more steps than records; it is damage if the sequence stood.
inline Walk walk_chain(const Volume& volume, const LockRecord* lock, uint64_t seq,
                       InodeIndex parent, Text name, uint32_t hash, Entry& entry) {
  DentryIndex index{load_relaxed(volume.head(hash))};
  uint64_t limit = volume.geometry().dentries.count;
  entry = {};
  for (uint64_t steps = 1; index != DentryIndex::kNone; steps++) {
    const DentryRecord* dentry = volume.dentry(index);
    if (!dentry || steps > limit) [[unlikely]]
      return Walk::kMisled;
    if (load_relaxed(dentry->hash) == hash && load_relaxed(dentry->parent) == parent &&
        has_name(volume, *dentry, name)) {
      InodeIndex child = load_relaxed(dentry->child);
      __builtin_prefetch(volume.inode(child));
      entry = {InodeNumber::of(child, load_relaxed(dentry->child_generation)), index,
               load_relaxed(dentry->type)};
      return Walk::kDone;
    }
    index = load_relaxed(dentry->chain_next);
    if (steps % kCheckEvery == 0 && lock && shm::read_retry(*lock, seq)) return Walk::kMisled;
  }
  return Walk::kDone;
}

}  // namespace

Result<void> try_find_entry(Volume& volume, InodeIndex parent, Text name, uint32_t hash,
                            Entry& entry) {
  LockRecord& lock = volume.stripe(hash).lock;
  for (uint32_t attempt = 0; attempt < kSeqReadAttempts; attempt++) {
    uint64_t seq = shm::read_begin(lock);
    if (!(seq & 1)) [[likely]] {
      Walk walk = walk_chain(volume, &lock, seq, parent, name, hash, entry);
      if (!shm::read_retry(lock, seq)) [[likely]] {
        if (walk == Walk::kMisled) [[unlikely]]
          return BT_DAMAGED(volume);
        return {};
      }
    }
    spin_pause();
  }
  return Error(EAGAIN);
}

namespace {

[[gnu::noinline, gnu::cold]] Result<void> find_entry_locked(Thread& thread, InodeIndex parent,
                                                            Text name, uint32_t hash,
                                                            Entry& entry) {
  Volume& volume = *thread.volume;
  Transaction txn(thread);
  txn.count(metrics::Event::k_locked_reads);
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  Walk walk = walk_chain(volume, nullptr, 0, parent, name, hash, entry);
  txn.roll_back();
  if (walk == Walk::kMisled) [[unlikely]]
    return BT_DAMAGED(volume);
  return {};
}

}  // namespace

Result<void> find_entry(Thread& thread, InodeIndex parent, Text name, uint32_t hash, Entry& entry) {
  auto found = try_find_entry(*thread.volume, parent, name, hash, entry);
  if (found || found.error() != Error(EAGAIN)) [[likely]]
    return found;
  return find_entry_locked(thread, parent, name, hash, entry);
}

Result<void> wait_for_stripe(Thread& thread, uint32_t hash) {
  Transaction txn(thread);
  BT_TRY(txn.lock(thread.volume->stripe(hash).lock, shm::LockRank::kStripe));
  txn.roll_back();
  return {};
}

bool copy_name(const Volume& volume, const DentryRecord& dentry, char* name, uint32_t& size) {
  size = load_relaxed(dentry.name_size);
  if (size == 0) return false;
  uint32_t head_size = base::min(size, kDentryNameBytes);
  copy_torn(name, dentry.name, kDentryNameBytes);
  DentryIndex next = load_relaxed(dentry.continuation);
  for (uint32_t at = head_size; at < size; at += kContinuationNameBytes) {
    const DentryContinuation* more = continuation_at(volume, next);
    if (!more) return false;
    copy_torn(name + at, more->name, base::min(size - at, kContinuationNameBytes));
    next = load_relaxed(more->next);
  }
  name[size] = 0;
  return true;
}

Result<void> find_place(const Volume& volume, InodeIndex parent, Text name, uint32_t hash,
                        EntryPlace& place) {
  place = {};
  uint32_t* link = &volume.head(hash);
  uint64_t limit = volume.geometry().dentries.count;
  for (uint64_t steps = 0; *link != 0; steps++) {
    DentryIndex index{*link};
    DentryRecord* dentry = volume.dentry(index);
    if (!dentry || steps > limit) [[unlikely]]
      return BT_DAMAGED(volume);
    if (dentry->hash == hash && dentry->parent == parent && has_name(volume, *dentry, name)) {
      place = {dentry, index, link};
      return {};
    }
    link = reinterpret_cast<uint32_t*>(&dentry->chain_next);
  }
  return {};
}

namespace {

// kind, type, name size and the reserved byte as the one word that is logged for them.
uint32_t& kind_word(DentryRecord& dentry) { return *reinterpret_cast<uint32_t*>(&dentry.kind); }
uint32_t kind_value(uint32_t kind, uint32_t type, uint32_t name_size) {
  return kind | type << 8 | name_size << 16;
}

// The part of a name beyond the dentry itself, last record first so that each can name its successor.
Result<DentryIndex> write_tail(Transaction& txn, Thread& thread, Text name) {
  DentryIndex next = DentryIndex::kNone;
  for (uint32_t records = dentries_for(name.size) - 1; records > 0; records--) {
    uint32_t at = kDentryNameBytes + (records - 1) * kContinuationNameBytes;
    DentryIndex index = take_dentry(txn, thread);
    auto* more = reinterpret_cast<DentryContinuation*>(thread.volume->dentry(index));
    if (!more) [[unlikely]]
      return BT_DAMAGED(*thread.volume);
    txn.store(more->next, next);  // The free link shares this place: logged.
    store_unseen(reinterpret_cast<uint32_t&>(more->kind), kDentryContinuation);
    store_unseen(reinterpret_cast<uint32_t&>(more->reserved[3]), 0);
    copy_unseen(more->name, name.data + at, base::min(name.size - at, kContinuationNameBytes));
    next = index;
  }
  return next;
}

Result<void> append_to_list(Transaction& txn, Volume& volume, InodeRecord& directory,
                            DentryRecord& dentry, DentryIndex index) {
  DirectoryPart& part = directory.directory;
  store_unseen(dentry.directory_next, DentryIndex::kNone);
  store_unseen(dentry.directory_previous, part.last);
  store_unseen(dentry.cookie, part.next_cookie);
  if (part.last == DentryIndex::kNone) {
    txn.store(part.first, index);
  } else {
    DentryRecord* last = volume.dentry(part.last);
    if (!last) [[unlikely]]
      return BT_DAMAGED(volume);
    txn.store(last->directory_next, index);
  }
  txn.store(part.last, index);
  txn.store(part.next_cookie, part.next_cookie + 1);
  txn.store(part.entry_count, part.entry_count + 1);
  return {};
}

Result<void> give_tail(Transaction& txn, Thread& thread, DentryIndex index, uint32_t records) {
  for (; records > 0; records--) {
    const DentryContinuation* more = continuation_at(*thread.volume, index);
    if (!more) [[unlikely]]
      return BT_DAMAGED(*thread.volume);
    DentryIndex next = more->next;
    give_dentry(txn, thread, index);
    index = next;
  }
  return {};
}

}  // namespace

Result<void> insert_entry(Transaction& txn, Thread& thread, InodeRecord& directory,
                          InodeIndex parent, Text name, uint32_t hash, InodeNumber child,
                          uint32_t type) {
  Volume& volume = *thread.volume;
  BT_TRY_ASSIGN(DentryIndex tail, write_tail(txn, thread, name));
  DentryIndex index = take_dentry(txn, thread);
  DentryRecord* dentry = volume.dentry(index);
  if (!dentry) [[unlikely]]
    return BT_DAMAGED(volume);
  uint32_t& head = volume.head(hash);
  // Nobody sees the record yet, so only what a rollback must restore is logged: the free link, and that it is free.
  txn.store(dentry->chain_next, DentryIndex{head});
  txn.store(kind_word(*dentry), kind_value(kDentryName, type, name.size));
  store_unseen(dentry->hash, hash);
  store_unseen(dentry->parent, parent);
  store_unseen(dentry->child, child.index());
  store_unseen(dentry->child_generation, child.generation());
  store_unseen(dentry->continuation, tail);
  copy_unseen(dentry->name, name.data, base::min(name.size, kDentryNameBytes));
  BT_TRY(append_to_list(txn, volume, directory, *dentry, index));
  txn.store(head, raw(index));
  return {};
}

Result<void> remove_entry(Transaction& txn, Thread& thread, InodeRecord& directory,
                          const EntryPlace& place) {
  Volume& volume = *thread.volume;
  DirectoryPart& part = directory.directory;
  DentryRecord& dentry = *place.dentry;
  DentryIndex previous = dentry.directory_previous, next = dentry.directory_next;
  DentryRecord* before = previous == DentryIndex::kNone ? nullptr : volume.dentry(previous);
  DentryRecord* after = next == DentryIndex::kNone ? nullptr : volume.dentry(next);
  if ((previous != DentryIndex::kNone && !before) || (next != DentryIndex::kNone && !after))
      [[unlikely]]
    return BT_DAMAGED(volume);
  uint32_t records = dentries_for(dentry.name_size) - 1;
  DentryIndex tail = dentry.continuation;
  txn.store(*place.link, raw(dentry.chain_next));
  txn.store(before ? before->directory_next : part.first, next);
  txn.store(after ? after->directory_previous : part.last, previous);
  txn.store(part.entry_count, part.entry_count - 1);
  txn.store(kind_word(dentry), 0u);
  give_dentry(txn, thread, place.index);
  return give_tail(txn, thread, tail, records);
}

void replace_child(Transaction& txn, const EntryPlace& place, InodeNumber child, uint32_t type) {
  DentryRecord& dentry = *place.dentry;
  txn.store(dentry.child, child.index());
  txn.store(dentry.child_generation, child.generation());
  txn.store(kind_word(dentry), kind_value(kDentryName, type, dentry.name_size));
}

}  // namespace bt::engine
