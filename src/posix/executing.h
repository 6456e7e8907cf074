// SPDX-License-Identifier: MIT
// ETXTBSY: only the kernel knows which files run as programs.
#pragma once

#include "posix/walk.h"

namespace bt::posix {

// ETXTBSY when the kernel says so about opening for writing what the walk from (directory, path) has found. It is asked
// only about regular files that may be executed and that it has heard of.
Result<void> check_not_executing(Walk& walk, int32_t directory, const char* path);

}  // namespace bt::posix
