// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class RemoveDirectoryTest : public NameTest {
 protected:
  int drop(Context& context, InodeNumber directory, std::string_view name) {
    return errno_of(remove_directory(context, directory, text(name)));
  }
};

TEST_F(RemoveDirectoryTest, an_empty_one_goes_and_its_parent_loses_a_link) {
  uint64_t before = free_inodes();
  uint64_t tree = volume.volume.superblock().dirtree_seq;
  InodeNumber directory = make_directory(kRootInode, "d");
  EXPECT_EQ(drop(root, kRootInode, "d"), 0);
  EXPECT_TRUE(is_gone(directory));
  EXPECT_EQ(attributes(kRootInode).nlink, 2u);
  EXPECT_EQ(free_inodes(), before);
  EXPECT_GT(volume.volume.superblock().dirtree_seq, tree);
}

TEST_F(RemoveDirectoryTest, errors) {
  InodeNumber directory = make_directory(kRootInode, "d");
  make(directory, "f");
  make(kRootInode, "file");
  EXPECT_EQ(drop(root, kRootInode, "d"), ENOTEMPTY);
  EXPECT_EQ(drop(root, kRootInode, "file"), ENOTDIR);
  EXPECT_EQ(drop(root, kRootInode, "none"), ENOENT);
  EXPECT_EQ(drop(user, kRootInode, "d"), EACCES);
  InodeNumber sticky = make_directory(kRootInode, "tmp", 01777);
  make_directory(sticky, "roots");
  EXPECT_EQ(drop(user, sticky, "roots"), EPERM);
}

TEST_F(RemoveDirectoryTest, a_removed_directory_that_is_in_use_is_empty_and_knows_its_parent) {
  InodeNumber outer = make_directory(kRootInode, "outer");
  InodeNumber directory = make_directory(outer, "d");
  ASSERT_TRUE(add_kernel_lookup(root, directory));
  EXPECT_EQ(drop(root, outer, "d"), 0);
  EXPECT_EQ(attributes(directory).nlink, 0u);
  DentryIndex hint{};
  ListedName entry;
  EXPECT_EQ(errno_of(next_entry(root, directory, 0, hint, entry)), ENOENT);
  EXPECT_EQ(*parent_of(root, directory), outer);
  ASSERT_TRUE(forget_kernel_lookups(root, directory, 1));
  EXPECT_TRUE(is_gone(directory));
}

}  // namespace
}  // namespace bt::engine
