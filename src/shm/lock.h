// SPDX-License-Identifier: MIT
// The locks of a volume (format/lock_format.h): taken by CAS on a tag that names the holder's slot, slept on by futex,
// taken over from the dead. docs/locking.md has the tree and the table. Functions for writers are called by
// engine/transaction.cc alone; readers use read_begin and read_retry anywhere.
#pragma once

#include <cstdint>

#include "format/lock_format.h"

namespace bt::shm {

// Order in which locks are taken; within a rank see docs/locking.md.
enum class LockRank : uint8_t {
  kSession = 1,      // descriptor table of a session
  kDescription = 2,  // shared offset
  kRename = 3,       // directory moves
  kDirectory = 4,    // inodes of directories, ancestors first, else by index
  kStripe = 5,       // hash stripes, by address
  kInode = 6,        // other inodes, by index
  kAllocator = 7,    // pools, orphan list
};

// For readers: the sequence to check with read_retry after copying. Odd: a writer is inside; the caller spins a bounded
// number of times and then falls back to taking the lock.
inline uint64_t read_begin(const format::LockRecord& lock) {
  return __atomic_load_n(&lock.seq, __ATOMIC_ACQUIRE);
}
inline bool read_retry(const format::LockRecord& lock, uint64_t seq) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return (seq & 1) || __atomic_load_n(&lock.seq, __ATOMIC_RELAXED) != seq;
}

}  // namespace bt::shm
