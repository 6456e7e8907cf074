// SPDX-License-Identifier: MIT
// ETXTBSY of an exec: what the kernel cannot know about a file that it is about to execute.
#pragma once

#include "engine/volume.h"

namespace bt::fuse {

// Whether a process that runs has the file open for writing in-process. Descriptors of the kernel are counted by the kernel
// itself, before it asks us to open.
bool is_being_written(const engine::Volume& volume, format::InodeNumber inode);

}  // namespace bt::fuse
