// SPDX-License-Identifier: MIT
// The time of day for the times of files: CLOCK_REALTIME, computed from the processor's time stamp counter, because a
// system call costs more than a whole create. Within 100 µs of the kernel's, which is asked again every 250 ms, so that
// a clock that is set or slewed is followed. Successive values may be equal or, when the clock was corrected, go back:
// whoever must have growing times takes the maximum (inode_times.h).
//
// Private state of the process: two samples, written in turn. The rate is kept in the superblock for processes to come,
// as a hint that is checked; a process that has none asks the kernel for its first 20 ms.
#pragma once

#include "engine/thread.h"

namespace bt::engine {

// Nanoseconds since 1970.
int64_t clock_now_ns(const Thread& thread);
// A second late at most, while the daemon lives, and one load: for what is about days.
inline int64_t coarse_now_ns(const Thread& thread) {
  int64_t coarse = __atomic_load_n(&thread.volume->superblock().coarse_time_ns, __ATOMIC_RELAXED);
  return coarse ? coarse : clock_now_ns(thread);
}
// The daemon, each round of its housekeeping.
void publish_coarse_time(const Thread& thread);

}  // namespace bt::engine
