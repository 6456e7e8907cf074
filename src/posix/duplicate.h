// SPDX-License-Identifier: MIT
// One more number for a description of ours: dup, dup2, dup3, F_DUPFD.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

// The lowest free number >= minimum. EMFILE, EINVAL (minimum beyond the limit).
Result<int32_t> duplicate(uint64_t fd, int32_t minimum, bool close_on_exec);
// `to` whatever it was. EBADF, EINVAL is the caller's to check (dup3 onto itself).
Result<int32_t> duplicate_onto(uint64_t fd, int32_t to, bool close_on_exec);

}  // namespace bt::posix
