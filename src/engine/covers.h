// SPDX-License-Identifier: MIT
// Inodes that something is mounted over: walks of programs leave them to the kernel. Kept by the daemon alone, which reads the
// table of mounts (fuse/mount_watcher.h).
#pragma once

#include "engine/operations.h"

namespace bt::engine {

// Marks the inode, or takes the mark away. ESTALE.
Result<void> mark_covered(Context& context, InodeNumber inode, bool covered);
// After the marks: whether there are any. No walk goes by what it remembers from before.
void publish_covers(Volume& volume, bool any);

}  // namespace bt::engine
