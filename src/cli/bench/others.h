// SPDX-License-Identifier: MIT
// The file systems that a mount is compared with, beside tmpfs: that of the disk, and other FUSE file systems over a tmpfs
// where they are installed. Whatever was mounted or made goes with the object.
#pragma once

#include <string>
#include <vector>

#include "cli/bench/samples.h"

namespace bt::cli::bench {

struct Other {
  Way way;
  std::string directory;  // empty, to work in
};

class Others {
 public:
  // native: the directory that the FUSE ones show.
  explicit Others(const std::string& native);
  ~Others();
  Others(const Others&) = delete;
  Others& operator=(const Others&) = delete;

  const std::vector<Other>& list() const { return list_; }
  // "ext4", …; "" where the working directory lies on a tmpfs.
  const std::string& disk_type() const { return disk_type_; }

 private:
  void add_disk();
  void add_fuse(Way way, const std::string& program, const std::string& native);

  std::vector<Other> list_;
  std::vector<std::string> mounted_;
  std::string disk_type_, root_;
};

}  // namespace bt::cli::bench
