// SPDX-License-Identifier: MIT
// What others mount over directories and files of ours. The kernel tells that its table of mounts has changed; a thread of
// the worker reads it then, and marks in the volume what is covered, so that programs that walk in-process leave those places to the
// kernel. Sees the mounts of the daemon's own namespace. Mounts on another place where our file system is bound are
// of no concern: in-process walks begin at the mount point.
#pragma once

#include <atomic>
#include <cstdint>
#include <istream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/operations.h"

namespace bt::fuse {

// Paths below the mount point ("" is itself, "/a/b") over which something is mounted, according to a table as in
// /proc/self/mountinfo. `device` is the mount's.
std::vector<std::string> covered_paths(std::istream& table, const std::string& mount_point,
                                       uint64_t device);

class MountWatcher {
 public:
  MountWatcher(engine::Volume& volume, format::SessionIndex session,
               const std::string& mount_point);
  ~MountWatcher();
  MountWatcher(const MountWatcher&) = delete;
  MountWatcher& operator=(const MountWatcher&) = delete;

 private:
  void run();
  void read_table(engine::Context& context);

  engine::Volume& volume_;
  format::SessionIndex session_;
  std::string mount_point_;
  std::set<uint64_t> covered_;  // inode numbers
  bool published_ = false;      // this worker has told, once at least
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace bt::fuse
