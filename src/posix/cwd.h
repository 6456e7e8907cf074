// SPDX-License-Identifier: MIT
// The working directory and the umask, as the program has set them. The kernel's own working directory always follows
// (inheritance, /proc and passed-through calls need it); ours tells where relative paths start.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

struct WorkingDirectory {
  Mount* mount;  // nullptr: elsewhere
  engine::InodeNumber inode;
};
WorkingDirectory working_directory();
// After a chdir that the kernel has executed into `mount`/`inode`.
Result<void> enter_directory(Mount& mount, engine::InodeNumber inode);
// After exec, when the session already holds the reference. Nobody else runs yet.
void adopt_directory(Files& files, const Mount& mount, engine::InodeNumber inode);
// After one whose path or descriptor is not known to lead to a mount, though it may (a symbolic link, a kernel's descriptor),
// and at attach: asks the kernel where we are.
void find_working_directory();
// The part of the mount's path that lies below the working directory, when it lies there; empty otherwise.
Mount* mount_below(base::Text path, uint32_t& prefix_size);

uint32_t current_umask();
void set_umask(uint32_t mask);

}  // namespace bt::posix
