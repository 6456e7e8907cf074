// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class AccessTest : public NameTest {};

TEST_F(AccessTest, follows_mode_and_owner) {
  InodeNumber file = make(kRootInode, "f", kModeRegular | 0604);
  EXPECT_EQ(errno_of(check_access(user, file, 0)), 0);
  EXPECT_EQ(errno_of(check_access(user, file, kMayRead)), 0);
  EXPECT_EQ(errno_of(check_access(user, file, kMayWrite)), EACCES);
  EXPECT_EQ(errno_of(check_access(root, file, kMayRead | kMayWrite)), 0);
  EXPECT_EQ(errno_of(check_access(root, file, kMayExec)), EACCES);
}

TEST_F(AccessTest, nothing_stored_is_writable_on_a_read_only_volume) {
  TestVolume read_only(64ull << 20, kOptionReadOnly);
  EXPECT_EQ(errno_of(check_access(read_only.context(), kRootInode, kMayWrite)), EROFS);
  EXPECT_EQ(errno_of(check_access(read_only.context(), kRootInode, kMayRead)), 0);
}

}  // namespace
}  // namespace bt::engine
