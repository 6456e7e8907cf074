// SPDX-License-Identifier: MIT
// Reading what a lock guards without taking it: copy under the lock's sequence, check, try again a bounded number of
// times, then take the lock after all (which also takes it over from a dead holder).
//
// A copier may see any mixture of old and new words; it must stay inside its bounds whatever it reads, and nothing it has
// copied may be used before the check.
#pragma once

#include "engine/transaction.h"

namespace bt::engine {

// One load, as it stands in memory; the order comes from read_begin and read_retry.
template <typename T>
inline T load_relaxed(const T& place) {
  T value;
  __atomic_load(&place, &value, __ATOMIC_RELAXED);
  return value;
}

// Into a record that nobody sees yet, so that no log is needed; but a reader that lost its way may look at it, and will throw
// away what it read.
template <typename T>
inline void store_unseen(T& place, T value) {
  __atomic_store(&place, &value, __ATOMIC_RELAXED);
}
// The same of bytes, which ThreadSanitizer is told not to mind (tools/tsan.supp).
#ifdef __SANITIZE_THREAD__
[[gnu::noinline]]
#endif
inline void
copy_unseen(char* to, const char* from, uint64_t size) {
  __builtin_memcpy(to, from, size);
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
