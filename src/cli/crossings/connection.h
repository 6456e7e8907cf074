// SPDX-License-Identifier: MIT
// Which FUSE connection serves a mount, and which process answers it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bt::cli {

struct FuseConnection {
  std::string mountpoint;
  std::string source;        // first field of the mount table
  std::string type;          // "fuse", "fuse.sshfs", …
  uint32_t number = 0;       // names /sys/fs/fuse/connections/N; the device's minor number
  std::vector<int> daemons;  // processes that hold /dev/fuse of this connection
};

// Throws CommandError: no mount point of a FUSE file system.
FuseConnection find_connection(const std::string& mountpoint);

}  // namespace bt::cli
