// SPDX-License-Identifier: MIT
// A lock in shared memory that survives its holder. The word is the holder's token: thread id and start time, so that a
// reused id is not taken for the holder. A waiter that has spun for long asks the kernel whether the holder lives; if
// not, it takes the lock over and is told so, and repairs what the lock guards.
//
// Waiting is bounded: after kOwnerLockTries rounds acquire() gives up and the operation returns -EBUSY, as the kernel's
// own hash maps do. Holders never block and never run foreign code.
#pragma once

#include <atomic>
#include <cstdint>

namespace bt::hooks {

// Low 32 bits thread id, high 32 bits start time in clock ticks (0 where /proc could not tell). Never 0.
using OwnerToken = uint64_t;

enum class Acquired : uint32_t { kNo, kYes, kFromDead };

// The calling thread's token; two or three system calls.
OwnerToken token_of_this_thread();
// False only when it is certain: no such thread, a zombie, or another one with the same id.
bool owner_lives(OwnerToken token);

Acquired owner_lock_slow(std::atomic<uint64_t>& word, OwnerToken self);

inline Acquired owner_lock(std::atomic<uint64_t>& word, OwnerToken self) {
  uint64_t expected = 0;
  if (word.compare_exchange_strong(expected, self, std::memory_order_acquire,
                                   std::memory_order_relaxed)) [[likely]]
    return Acquired::kYes;
  return owner_lock_slow(word, self);
}
inline void owner_unlock(std::atomic<uint64_t>& word) { word.store(0, std::memory_order_release); }

}  // namespace bt::hooks
