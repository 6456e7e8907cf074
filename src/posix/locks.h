// SPDX-License-Identifier: MIT
// Advisory locks on files of ours: fcntl's record locks of both kinds, and flock.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

// command: F_GETLK … F_OFD_SETLKW; argument: the program's struct flock. Blocking commands wait; EINTR on a signal.
Result<void> record_lock(const OpenFile& file, uint32_t command, uint64_t argument);
// operation: LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB.
Result<void> whole_lock(const OpenFile& file, uint32_t operation);

}  // namespace bt::posix
