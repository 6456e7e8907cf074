// SPDX-License-Identifier: MIT
// Walks that end at a name to be made or removed.
#pragma once

#include "posix/walk.h"

namespace bt::posix {

// To where something is to be made: EEXIST for "." and "..". The mount point itself goes to the kernel.
Result<void> walk_to_new_name(int32_t directory, const char* path, Walk& walk);
// The same for what is not a directory: a slash behind the name is ENOENT, or EEXIST if the name is taken.
Result<void> walk_to_new_file_name(int32_t directory, const char* path, Walk& walk);
// To a name to be removed or renamed: `dot` and `dot_dot` are the errors for these.
Result<void> walk_to_old_name(int32_t directory, const char* path, int dot, int dot_dot,
                              Walk& walk);
// Whether the kernel has seen this directory: then changes of the tree around it go through the kernel.
bool is_known_to_kernel(const Mount& mount, engine::InodeNumber directory);

}  // namespace bt::posix
