// SPDX-License-Identifier: MIT
// Bounds of loops, waits and sizes, with their reasons. Bounds that shape shared memory are in src/format.
#pragma once

#include <cstdint>

namespace bt::base {

// A lock is held for under a microsecond; a waiter spins about ten times that before it sleeps.
inline constexpr uint32_t kLockSpinRounds = 40;
// Pauses of a round: 8, 16, … this many (a pause is about 15 ns), so that the holder keeps its cache lines for a while.
inline constexpr uint32_t kLockPausesMax = 64;
// A sleeping waiter looks at the holder's token this often: the delay before a dead holder is noticed.
inline constexpr uint32_t kLockSleepMinMs = 1;
inline constexpr uint32_t kLockSleepMaxMs = 10;
// After so many sleeps the holder must say itself that it holds the lock; else the tag is damage, not a holder.
inline constexpr uint32_t kLockSleepsBeforeProof = 30;
// An optimistic reader gives up after so many torn copies and takes the lock.
inline constexpr uint32_t kReadRetriesMax = 64;

// Hash chains hold about one dentry; one of this length is a loop made by damage.
inline constexpr uint32_t kChainLengthMax = 1u << 20;
// A directory's ancestors: PATH_MAX / 2 components, and as many again for directories moved meanwhile.
inline constexpr uint32_t kPathDepthMax = 4096;

static_assert(kLockSleepMinMs <= kLockSleepMaxMs);

}  // namespace bt::base
