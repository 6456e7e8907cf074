// SPDX-License-Identifier: MIT
// The absolute path that a call is about, for the path helpers of btfuse/… programs.
#pragma once

#include "base/bytes.h"
#include "hooks/thread.h"

namespace bt::hooks {

// Of the program that runs: its call's first or second path (`which` 0 or 1), or of its descriptor where it has no path.
// Made absolute and free of `.`, `..` and doubled slashes by text alone: symbolic links are not followed. Empty where
// there is none or it cannot be read. Lives until the next call.
base::Text path_of_call(Thread& thread, uint32_t which);
void forget_paths(Thread& thread);

// Takes `.`, `..` and doubled slashes out of an absolute path, in place; the new size.
uint32_t normalise_path(char* path, uint32_t size);

}  // namespace bt::hooks
