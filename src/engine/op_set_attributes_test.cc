// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class SetAttributesTest : public NameTest {
 protected:
  using Change = AttributeChange;
  int change(Context& context, InodeNumber inode, Change what) {
    Attributes after{};
    return errno_of(set_attributes(context, inode, what, after));
  }
  int truncate(Context& context, InodeNumber inode, uint64_t size) {
    return change(context, inode, {.which = Change::kSize, .size = size});
  }
  int set_times(Context& context, InodeNumber inode, int64_t atime, int64_t mtime) {
    return change(context, inode,
                  {.which = Change::kAtime | Change::kMtime, .atime_ns = atime, .mtime_ns = mtime});
  }
};

TEST_F(SetAttributesTest, chmod_is_the_owners) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_EQ(change_owner(root, file, kUser, kGroup), 0);
  EXPECT_EQ(change_mode(user, file, 0600), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0600u);
  EXPECT_EQ(change_mode(user, make(kRootInode, "g"), 0600), EPERM);
}

TEST_F(SetAttributesTest, chmod_drops_setgid_of_a_foreign_group) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_EQ(change_owner(root, file, kUser, 77), 0);
  EXPECT_EQ(change_mode(user, file, 02755), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0755u);
  ASSERT_EQ(change_owner(root, file, kUser, kGroup), 0);
  EXPECT_EQ(change_mode(user, file, 02755), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 02755u);
}

TEST_F(SetAttributesTest, chown_drops_suid_and_sgid_of_files_only) {
  InodeNumber file = make(kRootInode, "f"), directory = make_directory(kRootInode, "d");
  ASSERT_EQ(change_mode(root, file, 06755), 0);
  ASSERT_EQ(change_mode(root, directory, 06755), 0);
  ASSERT_EQ(change_owner(root, file, 1, 1), 0);
  ASSERT_EQ(change_owner(root, directory, 1, 1), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0755u);
  EXPECT_EQ(attributes(directory).mode, kModeDirectory | 06755u);
  InodeNumber fifo = make(kRootInode, "p", kModeFifo | 02755);
  ASSERT_EQ(change_owner(root, fifo, 1, 1), 0);
  EXPECT_EQ(attributes(fifo).mode, kModeFifo | 0755u);
  ASSERT_EQ(change_mode(root, file, 02745), 0);
  ASSERT_EQ(change_owner(root, file, 2, 2), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 02745u) << "mandatory locking, and root";
}

TEST_F(SetAttributesTest, chown_needs_the_right) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_EQ(change_owner(root, file, kUser, 1), 0);
  const uint32_t groups[] = {55};
  user_credentials.groups = groups;
  user_credentials.group_count = 1;
  EXPECT_EQ(change(user, file, {.which = Change::kUid, .uid = 1}), EPERM);
  EXPECT_EQ(change(user, file, {.which = Change::kUid, .uid = kUser}), 0);
  EXPECT_EQ(change(user, file, {.which = Change::kGid, .gid = 55}), 0);
  EXPECT_EQ(change(user, file, {.which = Change::kGid, .gid = kGroup}), 0);
  EXPECT_EQ(change(user, file, {.which = Change::kGid, .gid = 56}), EPERM);
  EXPECT_EQ(change(user, make(kRootInode, "g"), {.which = Change::kGid, .gid = kGroup}), EPERM);
}

TEST_F(SetAttributesTest, times_are_the_owners_but_who_writes_may_touch) {
  InodeNumber file = make(kRootInode, "f", kModeRegular | 0666);
  EXPECT_EQ(set_times(root, file, 5, 7), 0);
  EXPECT_EQ(attributes(file).atime_ns, 5);
  EXPECT_EQ(attributes(file).mtime_ns, 7);
  EXPECT_GT(attributes(file).ctime_ns, 7);
  EXPECT_EQ(set_times(user, file, 5, 7), EPERM);
  EXPECT_EQ(set_times(user, file, kTimeNow, 7), EPERM);
  EXPECT_EQ(set_times(user, file, kTimeNow, kTimeNow), 0);
  EXPECT_GT(attributes(file).mtime_ns, 7);
  ASSERT_EQ(change_mode(root, file, 0644), 0);
  EXPECT_EQ(set_times(user, file, kTimeNow, kTimeNow), EACCES);
}

TEST_F(SetAttributesTest, truncate) {
  InodeNumber file = make(kRootInode, "f", kModeRegular | 0644);
  Attributes before = attributes(file);
  EXPECT_EQ(truncate(root, file, 10000), 0);
  EXPECT_EQ(attributes(file).size, 10000u);
  EXPECT_GT(attributes(file).mtime_ns, before.mtime_ns);
  EXPECT_EQ(truncate(user, file, 1), EACCES);
  Change by_descriptor{.which = Change::kSize, .size = 1, .by_descriptor = true};
  EXPECT_EQ(change(user, file, by_descriptor), 0);
  EXPECT_EQ(truncate(root, kRootInode, 1), EISDIR);
  EXPECT_EQ(truncate(root, make(kRootInode, "p", kModeFifo | 0644), 1), EINVAL);
  EXPECT_EQ(truncate(root, file, UINT64_MAX / 2), EFBIG);
}

TEST_F(SetAttributesTest, truncate_by_who_may_not_set_ids_clears_them) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_EQ(change_owner(root, file, kUser, kGroup), 0);
  ASSERT_EQ(change_mode(root, file, 06777), 0);
  EXPECT_EQ(truncate(root, file, 1), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 06777u);
  EXPECT_EQ(truncate(user, file, 2), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0777u);
}

TEST_F(SetAttributesTest, chmod_of_a_directory_moves_the_trees_sequence) {
  InodeNumber directory = make_directory(kRootInode, "d");
  uint64_t before = volume.volume.superblock().dirtree_seq;
  ASSERT_EQ(change_mode(root, directory, 0700), 0);
  EXPECT_GT(volume.volume.superblock().dirtree_seq, before);
}

TEST_F(SetAttributesTest, a_read_only_volume_refuses) {
  TestVolume read_only(64ull << 20, kOptionReadOnly);
  EXPECT_EQ(change_mode(read_only.context(), kRootInode, 0700), EROFS);
}

}  // namespace
}  // namespace bt::engine
