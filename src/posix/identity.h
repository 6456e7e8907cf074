// SPDX-License-Identifier: MIT
// Who this process is, so that nobody is taken for it after it is gone: process id and start time.
#pragma once

#include "posix/files.h"

namespace bt::posix {

// Of the process `files` belongs to; read once and kept, 10 µs the first time. Called in that process.
const Identity& process_identity(Files& files);
// Of any process; 0 when it is gone.
uint64_t start_time_of(uint32_t pid);
// Now, in the ticks in which start times are told: a process whose fork begins and ends in the same tick started in it, and
// /proc, which is dear, need not be asked.
uint64_t boot_ticks();

}  // namespace bt::posix
