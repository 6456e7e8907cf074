// SPDX-License-Identifier: MIT
// The locks of a volume (format/lock_format.h): taken by CAS on a tag that names the holder's slot, slept on by futex,
// taken over from the dead. docs/locking.md has the tree and the table. Functions for writers are called by
// engine/transaction.{h,cc} and engine/lock_wait.cc alone, which know who is alive; readers use read_begin and read_retry
// anywhere.
#pragma once

#include <cstdint>

#include "base/fence.h"
#include "format/lock_format.h"
#include "format/types.h"
#include "shm/futex.h"

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

// ---- readers -------------------------------------------------------------------------------------------------------------
// The sequence to check with read_retry after copying. Odd: a writer is inside; the caller spins a bounded number of times
// and then falls back to taking the lock.
inline uint64_t read_begin(const format::LockRecord& lock) {
  return __atomic_load_n(&lock.seq, __ATOMIC_ACQUIRE);
}
inline bool read_retry(const format::LockRecord& lock, uint64_t seq) {
  base::fence<__ATOMIC_ACQUIRE>();
  return (seq & 1) || __atomic_load_n(&lock.seq, __ATOMIC_RELAXED) != seq;
}

// ---- the tag ---------------------------------------------------------------------------------------------------------------
inline constexpr uint64_t kWaitersBit = 1;
inline constexpr uint32_t kGenerationMask = 0x7fffffff;

constexpr uint64_t make_tag(format::SlotIndex slot, uint32_t generation) {
  return static_cast<uint64_t>(format::raw(slot)) << 32 |
         static_cast<uint64_t>(generation & kGenerationMask) << 1;
}
constexpr uint64_t owner_of(uint64_t tag) { return tag & ~kWaitersBit; }
constexpr format::SlotIndex slot_of(uint64_t tag) {
  return format::SlotIndex{static_cast<uint32_t>(tag >> 32)};
}
constexpr uint32_t generation_of(uint64_t tag) {
  return static_cast<uint32_t>(tag >> 1) & kGenerationMask;
}

inline uint64_t load_tag(const format::LockRecord& lock) {
  return __atomic_load_n(&lock.tag, __ATOMIC_RELAXED);
}
// The half of the tag that waiters sleep on: generation and waiters bit.
inline uint32_t& futex_word_of(format::LockRecord& lock) {
  return *reinterpret_cast<uint32_t*>(&lock.tag);  // the low half: x86-64 is little-endian
}

// ---- writers ---------------------------------------------------------------------------------------------------------------
// `tag` may carry the waiters bit: who has slept takes the lock with it, for others may be asleep still.
// The success is a full barrier: Transaction relies on it (docs/locking.md, gate).
inline bool try_acquire(format::LockRecord& lock, uint64_t tag) {
  uint64_t free = 0;
  return __atomic_compare_exchange_n(&lock.tag, &free, tag, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED);
}

// Readers that begin now will look again. Tolerates a sequence that damage left odd: it grows all the same.
inline void begin_change(format::LockRecord& lock) {
  uint64_t seq = __atomic_load_n(&lock.seq, __ATOMIC_RELAXED);
  __atomic_store_n(&lock.seq, seq + 1 + (seq & 1), __ATOMIC_RELAXED);
  base::fence<__ATOMIC_RELEASE>();
}

inline void end_change(format::LockRecord& lock) {
  uint64_t seq = __atomic_load_n(&lock.seq, __ATOMIC_RELAXED);
  __atomic_store_n(&lock.seq, (seq | 1) + 1, __ATOMIC_RELEASE);  // → read_begin
}

// An exchange, not a store: a waiter may have set its bit meanwhile.
inline void release(format::LockRecord& lock) {
  uint64_t tag = __atomic_exchange_n(&lock.tag, 0, __ATOMIC_RELEASE);  // → try_acquire
  if (tag & kWaitersBit) [[unlikely]]
    futex_wake(futex_word_of(lock), 1);
}

}  // namespace bt::shm
