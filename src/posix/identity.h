// SPDX-License-Identifier: MIT
// Who this process is, so that nobody is taken for it after it is gone: process id and start time.
#pragma once

#include <cstdint>

namespace bt::posix {

struct Identity {
  uint32_t pid;         // 0: not read yet
  uint64_t start_time;  // clock ticks since boot, field 22 of /proc/PID/stat
};
// Read once and kept; 10 µs the first time.
const Identity& process_identity();
// In a fork child.
void forget_identity();
// Of another process; 0 when it is gone.
uint64_t start_time_of(uint32_t pid);

}  // namespace bt::posix
