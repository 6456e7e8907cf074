// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class UnlinkTest : public NameTest {
 protected:
  int drop(Context& context, InodeNumber directory, std::string_view name) {
    return errno_of(unlink(context, directory, text(name)));
  }
};

TEST_F(UnlinkTest, the_last_name_takes_the_inode_with_it) {
  uint64_t before = free_inodes();
  InodeNumber file = make(kRootInode, "f");
  EXPECT_EQ(drop(root, kRootInode, "f"), 0);
  EXPECT_EQ(find_error(root, kRootInode, "f"), ENOENT);
  EXPECT_TRUE(is_gone(file));
  EXPECT_EQ(free_inodes(), before);
}

TEST_F(UnlinkTest, other_names_and_the_kernels_memory_keep_it) {
  InodeNumber file = make(kRootInode, "f");
  Attributes after{};
  ASSERT_TRUE(link(root, file, kRootInode, text("g"), after));
  ASSERT_TRUE(add_kernel_lookup(root, file));
  Attributes before = attributes(file);
  EXPECT_EQ(drop(root, kRootInode, "f"), 0);
  EXPECT_EQ(attributes(file).nlink, 1u);
  EXPECT_GT(attributes(file).ctime_ns, before.ctime_ns);
  EXPECT_EQ(attributes(file).mtime_ns, before.mtime_ns);
  EXPECT_EQ(drop(root, kRootInode, "g"), 0);
  EXPECT_EQ(attributes(file).nlink, 0u);
  ASSERT_TRUE(forget_kernel_lookups(root, file, 1));
  EXPECT_TRUE(is_gone(file));
}

TEST_F(UnlinkTest, errors) {
  make_directory(kRootInode, "d");
  make(kRootInode, "f");
  EXPECT_EQ(drop(root, kRootInode, "none"), ENOENT);
  EXPECT_EQ(drop(root, kRootInode, "d"), EISDIR);
  EXPECT_EQ(drop(user, kRootInode, "f"), EACCES);
  EXPECT_EQ(drop(user, kRootInode, "d"), EACCES);
  EXPECT_EQ(drop(root, find(kRootInode, "f"), "x"), ENOTDIR);
  EXPECT_EQ(drop(root, kRootInode, std::string(256, 'x')), ENAMETOOLONG);
}

TEST_F(UnlinkTest, sticky_directories_protect_what_belongs_to_others) {
  InodeNumber directory = make_directory(kRootInode, "tmp", 01777);
  make(directory, "roots");
  make_as(user, directory, "own", kModeRegular | 0644);
  EXPECT_EQ(drop(user, directory, "roots"), EPERM);
  EXPECT_EQ(drop(user, directory, "own"), 0);
  EXPECT_EQ(drop(root, directory, "roots"), 0);
}

TEST_F(UnlinkTest, chains_and_lists_stay_whole_in_any_order) {
  constexpr int kFiles = 500;
  for (int i = 0; i < kFiles; i++) make(kRootInode, "f" + std::to_string(i));
  for (int i = 0; i < kFiles; i += 3) EXPECT_EQ(drop(root, kRootInode, "f" + std::to_string(i)), 0);
  for (int i = 0; i < kFiles; i++)
    EXPECT_EQ(find_error(root, kRootInode, "f" + std::to_string(i)), i % 3 ? 0 : ENOENT);
  EXPECT_EQ(names(kRootInode).size(), 2u + kFiles - (kFiles + 2) / 3);
}

}  // namespace
}  // namespace bt::engine
