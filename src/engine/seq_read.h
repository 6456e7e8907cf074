// SPDX-License-Identifier: MIT
// Reading what a lock guards without taking it: copy under the lock's sequence, check, try again a bounded number of
// times, then take the lock after all (which also takes it over from a dead holder).
//
// A copier may see any mixture of old and new words; it must stay inside its bounds whatever it reads, and nothing it has
// copied may be used before the check.
#pragma once

#include "base/relaxed.h"
#include "engine/transaction.h"

namespace bt::engine {

using base::load_relaxed;

// Into a record that nobody sees yet, so that no log is needed; but a reader that lost its way may look at it, and will throw
// away what it read.
template <typename T, typename Value>
inline void store_unseen(T& place, Value value) {
  base::store_relaxed(place, static_cast<T>(value));
}

// The same of a run of bytes.
inline void copy_unseen(void* to, const void* from, uint64_t size) {
  base::copy_racing(to, from, size);
}
// Out of what may change meanwhile; to be looked at after read_retry.
inline void copy_torn(void* to, const void* from, uint64_t size) {
  base::copy_racing(to, from, size);
}

// About 2 µs of spinning: longer than any transaction that runs undisturbed.
inline constexpr uint32_t kSeqReadAttempts = 64;

inline void spin_pause() { __builtin_ia32_pause(); }

// Out of line, so that the common path keeps its registers.
template <typename Copy>
[[gnu::noinline, gnu::cold]] Result<void> read_locked(Thread& thread, LockRecord& lock,
                                                      shm::LockRank rank, Copy& copy) {
  Transaction txn(thread);
  txn.count(metrics::Event::k_locked_reads);
  BT_TRY(txn.lock(lock, rank));
  copy();
  txn.roll_back();
  return {};
}

// Calls copy() until it ran undisturbed. copy is called again from the start each time.
template <typename Copy>
inline Result<void> seq_read(Thread& thread, LockRecord& lock, shm::LockRank rank, Copy copy) {
  for (uint32_t attempt = 0; attempt < kSeqReadAttempts; attempt++) {
    uint64_t seq = shm::read_begin(lock);
    if (!(seq & 1)) [[likely]] {
      copy();
      if (!shm::read_retry(lock, seq)) [[likely]]
        return {};
    }
    spin_pause();
  }
  return read_locked(thread, lock, rank, copy);
}

// The record of a number whose record may be gone. ESTALE is left to the reader of the generation.
inline Result<InodeRecord*> inode_record(Volume& volume, InodeNumber number) {
  InodeRecord* record = volume.inode(number.index());
  if (!record) [[unlikely]]
    return Error(ESTALE);
  return record;
}

// seq_read of an inode. copy(record) is kept only while the record is still the number's. ESTALE.
template <typename Copy>
inline Result<void> read_inode(Thread& thread, InodeNumber number, Copy copy) {
  BT_TRY_ASSIGN(InodeRecord * record, inode_record(*thread.volume, number));
  bool ours = false;
  BT_TRY(seq_read(thread, record->lock, shm::LockRank::kInode, [&] {
    ours = load_relaxed(record->generation) == number.generation() && load_relaxed(record->mode);
    if (ours) [[likely]]
      copy(*record);
  }));
  if (!ours) [[unlikely]]
    return Error(ESTALE);
  return {};
}

}  // namespace bt::engine
