// SPDX-License-Identifier: MIT
// Who this process is, so that nobody is taken for it after it is gone: process id and start time.
#pragma once

#include "posix/files.h"

namespace bt::posix {

// Of the process `files` belongs to; read once and kept, 10 µs the first time. Called in that process.
const Identity& process_identity(Files& files);
// Of any process; 0 when it is gone.
uint64_t start_time_of(uint32_t pid);

}  // namespace bt::posix
