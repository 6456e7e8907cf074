// SPDX-License-Identifier: MIT
// Sleeping on a word of the volume and waking those who do. Shared between processes: never FUTEX_PRIVATE.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/syscall.h"

namespace bt::shm {

// Returns at once when *word is not `expected`; else after a wake, a signal (−EINTR) or the timeout (−ETIMEDOUT).
inline int64_t futex_wait(uint32_t& word, uint32_t expected, uint32_t timeout_ms) {
  timespec timeout = {timeout_ms / 1000, static_cast<long>(timeout_ms % 1000) * 1000000};
  return base::raw_syscall(SYS_futex, base::raw_argument(&word), FUTEX_WAIT, expected,
                           base::raw_argument(&timeout));
}

inline void futex_wake(uint32_t& word, uint32_t waiters_max) {
  base::raw_syscall(SYS_futex, base::raw_argument(&word), FUTEX_WAKE, waiters_max);
}

}  // namespace bt::shm
