// SPDX-License-Identifier: MIT
// Advisory locks, for those who end their owners: the calls themselves are in engine/descriptions.h. A file's locks are a
// list from its inode, guarded by the inode's lock. Ranges of one owner never overlap: setting one splits or swallows
// what the owner had there. POSIX and OFD locks conflict with each other; flock locks only among themselves, as on Linux.
#pragma once

#include "engine/descriptions.h"

namespace bt::engine {

// Own locks that one set_file_lock may replace: its transaction must fit the undo log.
inline constexpr uint32_t kFileLocksAtOnce = 48;

// Gives up all locks of the owner on the file, in bounded transactions of its own: call it BEFORE the transaction that
// ends the owner (a kill in between loses only locks of somebody who is going). Cheap when the file has no locks. Does
// nothing to a file that is gone.
Result<void> release_file_locks(Context& context, InodeNumber inode, FileLockKind kind,
                                uint64_t owner);

}  // namespace bt::engine
