// SPDX-License-Identifier: MIT
#include "cli/mount_table.h"

#include <gtest/gtest.h>

namespace bt::cli {
namespace {

TEST(MountTable, parses_rows_with_and_without_optional_fields) {
  auto mounts = parse_mountinfo(
      "22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"
      "30 22 0:55 / /mnt/a\\040b rw,relatime - fuse.bt_fuse scratch rw,user_id=0\n"
      "a line that is none\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].type, "proc");
  EXPECT_EQ(mounts[1].mountpoint, "/mnt/a b");
  EXPECT_EQ(mounts[1].type, kFilesystemType);
  EXPECT_EQ(mounts[1].source, "scratch");
  EXPECT_EQ(mounts[1].device, "0:55");
}

}  // namespace
}  // namespace bt::cli
