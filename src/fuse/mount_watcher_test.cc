// SPDX-License-Identifier: MIT
#include "fuse/mount_watcher.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <sstream>

namespace bt::fuse {
namespace {

std::vector<std::string> covered(const std::string& more) {
  std::istringstream table(
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "30 20 0:50 / /mnt/a\\040b rw - fuse.bt_fuse bt_fuse rw\n" +
      more);
  return covered_paths(table, "/mnt/a b", makedev(0, 50));
}

TEST(MountWatcher, mounts_below_the_mount_point_cover_what_they_are_on) {
  EXPECT_EQ(covered("").size(), 0u);
  EXPECT_EQ(covered("40 30 0:60 / /mnt/a\\040b/x/y rw - tmpfs tmpfs rw\n"),
            std::vector<std::string>{"/x/y"});
  EXPECT_EQ(covered("40 30 0:60 / /mnt/a\\040b rw - tmpfs tmpfs rw\n"),
            std::vector<std::string>{""});
}

TEST(MountWatcher, mounts_elsewhere_and_on_top_of_others_are_of_no_concern) {
  EXPECT_EQ(covered("40 20 0:60 / /mnt/a\\040bc rw - tmpfs tmpfs rw\n").size(), 0u);
  // On a tmpfs that is on ours; on another place of our file system; before ours was mounted.
  EXPECT_EQ(covered("40 30 0:60 / /mnt/a\\040b/x rw - tmpfs tmpfs rw\n"
                    "41 40 0:61 / /mnt/a\\040b/x/y rw - tmpfs tmpfs rw\n"),
            std::vector<std::string>{"/x"});
  EXPECT_EQ(covered("31 20 0:50 / /other rw - fuse.bt_fuse bt_fuse rw\n"
                    "41 31 0:61 / /other/y rw - tmpfs tmpfs rw\n")
                .size(),
            0u);
  EXPECT_EQ(covered("25 20 0:61 / /mnt/a\\040b/x rw - tmpfs tmpfs rw\n").size(), 0u);
  EXPECT_EQ(covered("nonsense\n").size(), 0u);
}

}  // namespace
}  // namespace bt::fuse
