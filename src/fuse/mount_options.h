// SPDX-License-Identifier: MIT
// The words of `-o`: what each means for mount(2), for fusermount3 and for the volume.
#pragma once

#include <cstdint>
#include <string>

namespace bt::fuse {

struct MountOptions {
  unsigned long flags;          // MS_… for mount(2)
  uint32_t volume_options = 0;  // kOption… of the superblock
  bool allow_other = false;
  bool default_permissions = false;
  std::string source = "bt_fuse";  // fsname
  MountOptions();
};

// Adds the comma-separated words of one -o. On a word that is not known or makes no sense: its name in `word`, why in `why`.
bool parse_mount_options(const std::string& text, MountOptions& options, std::string& word,
                         std::string& why);
// As fusermount3 -o wants them.
std::string fusermount_options(const MountOptions& options);

}  // namespace bt::fuse
