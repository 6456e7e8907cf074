// SPDX-License-Identifier: MIT
// Mounting and unmounting: by mount(2) where we may, else by fusermount3, which is set-user-id and hands us the device over a
// socket. libfuse could do it, but only inside a session of its own.
#pragma once

#include <string>

#include "fuse/mount_options.h"

namespace bt::fuse {

// The open device of the new mount, or -1 and why in `why`.
int kernel_mount(const std::string& mount_point, const MountOptions& options, std::string& why);

enum class Unmount { kPlain, kLazy };
// 0, or an errno with why in `why` (EBUSY: in use). Does not follow a mount point whose daemon is dead.
int kernel_unmount(const std::string& mount_point, Unmount how, std::string& why);

// A row of the kernel's table of mounts (/proc/self/mountinfo). False: it is none.
struct MountRow {
  int id, parent;
  uint64_t device;
  std::string point;
};
bool parse_mount_row(const std::string& line, MountRow& row);

// st_dev of the mount, from the kernel's table: asking the mount itself could hang. 0: not mounted. Only mounts of ours.
uint64_t device_of_mount(const std::string& mount_point);

}  // namespace bt::fuse
