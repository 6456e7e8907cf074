// SPDX-License-Identifier: MIT
// What a mount is made of, and the process that serves it. The supervisor forks workers one after another; each lives until
// the mount is gone (exit status 0) or something kills it.
#pragma once

#include <sys/types.h>

#include <string>

#include "fuse/log.h"
#include "fuse/mount_options.h"
#include "fuse/shared_page.h"
#include "fuse/volume_file.h"
#include "origin/keeper.h"

namespace bt::fuse {

struct Mount {
  std::string mount_point;  // real path
  MountOptions options;
  VolumeFile volume;
  int device = -1;  // /dev/fuse, of this mount
  origin::Settings origin;
  std::string run_directory;
  std::string log_name;
  int log_file = 2;
  LogLevel log_level = LogLevel::kInfo;
  uint32_t threads = 0;  // 0: chosen from the number of processors
};

inline constexpr int kWorkerCannotServe = 3;  // exit status: starting another one would not help

// Serves until the mount is gone; the return value is the process's exit status. `supervisor` is the parent's pid.
int run_worker(const Mount& mount, SharedPage& page, pid_t supervisor);

// Ends a mount from outside its service: in-process users are told, the mount point is detached, the registry forgets it.
void abandon_mount(const Mount& mount);
// Tells in-process users of the volume that it is gone.
void mark_volume_gone(const VolumeFile& file);

}  // namespace bt::fuse
