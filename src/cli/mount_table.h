// SPDX-License-Identifier: MIT
// The kernel's table of mounts, /proc/self/mountinfo, and which of its rows are ours: those of type fuse.bt_fuse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bt::cli {

inline constexpr std::string_view kFilesystemType = "fuse.bt_fuse";

struct MountEntry {
  std::string device;  // "major:minor"
  std::string mountpoint;
  std::string type;
  std::string source;
  std::string options;
};

// Rows of mountinfo text; lines that do not parse are left out. Octal escapes in paths are undone.
std::vector<MountEntry> parse_mountinfo(std::string_view text);
std::vector<MountEntry> all_mounts();
std::vector<MountEntry> our_mounts();

}  // namespace bt::cli
