// SPDX-License-Identifier: MIT
#include "fuse/credentials.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

namespace bt::fuse {
namespace {

TEST(Credentials, groups_are_read_from_the_status_of_a_thread) {
  uint32_t groups[4];
  EXPECT_EQ(parse_groups("Name:\tx\nGroups:\t4 24 27 \nNStgid:\t1\n", groups, 4), 3u);
  EXPECT_EQ(groups[0], 4u);
  EXPECT_EQ(groups[2], 27u);
  EXPECT_EQ(parse_groups("Name:\tx\nGroups:\t \nNStgid:\t1\n", groups, 4), 0u);
  EXPECT_EQ(parse_groups("Name:\tx\n", groups, 4), 0u);
  EXPECT_EQ(parse_groups("Name:\tx\nGroups:\t1 2 3 4 5 6\n", groups, 4), 4u);
}

TEST(Credentials, root_may_all_and_others_nothing_special) {
  RequestCredentials root(0, 0, 0, false);
  EXPECT_TRUE(root.get().dac_override && root.get().fowner && root.get().chown && root.get().mknod);
  RequestCredentials other(1000, 1000, 0, false);
  EXPECT_FALSE(other.get().dac_override || other.get().fowner || other.get().chown);
  EXPECT_FALSE(other.get().trusted);
}

}  // namespace
}  // namespace bt::fuse
