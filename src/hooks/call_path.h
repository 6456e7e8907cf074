// SPDX-License-Identifier: MIT
// The absolute path that a call is about, for the path helpers of btfuse/… programs.
#pragma once

#include "base/bytes.h"
#include "hooks/thread.h"

namespace bt::hooks {

// Of the program that runs: its call's first or second path (`which` 0 or 1), or of its descriptor where it has no path.
// Made absolute and free of `.`, `..` and doubled slashes by text alone: symbolic links are not followed. Empty where
// there is none or it cannot be read. Lives until the next call.
void make_path_of_call(Thread& thread, uint32_t which);
inline base::Text path_of_call(Thread& thread, uint32_t which) {
  CachedPath& path = thread.paths[which];
  if (!path.known) make_path_of_call(thread, which);
  return {path.text, path.size};
}
// Due before another call's programs run.
inline void forget_paths(Thread& thread) { thread.paths[0].known = thread.paths[1].known = false; }

// Takes `.`, `..` and doubled slashes out of an absolute path, in place; the new size.
uint32_t normalise_path(char* path, uint32_t size);

}  // namespace bt::hooks
