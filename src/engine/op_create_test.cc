// SPDX-License-Identifier: MIT
#include "engine/make_entry.h"
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class CreateTest : public NameTest {};

TEST_F(CreateTest, file_has_its_owner_mode_and_times) {
  ASSERT_EQ(change_mode(root, kRootInode, 0777), 0);
  InodeNumber file = make_as(user, kRootInode, "f", kModeRegular | 0604);
  Attributes made = attributes(file);
  EXPECT_EQ(made.mode, kModeRegular | 0604u);
  EXPECT_EQ(made.uid, kUser);
  EXPECT_EQ(made.gid, kGroup);
  EXPECT_EQ(made.nlink, 1u);
  EXPECT_EQ(made.size, 0u);
  EXPECT_EQ(made.btime_ns, made.mtime_ns);
  EXPECT_EQ(made.btime_ns, made.ctime_ns);
  EXPECT_GE(attributes(kRootInode).mtime_ns, made.btime_ns);
}

TEST_F(CreateTest, directory_counts_its_subdirectories) {
  InodeNumber directory = make_directory(kRootInode, "d");
  EXPECT_EQ(attributes(directory).nlink, 2u);
  EXPECT_EQ(attributes(kRootInode).nlink, 3u);
  make_directory(directory, "e");
  make(directory, "f");
  EXPECT_EQ(attributes(directory).nlink, 3u);
  EXPECT_EQ(attributes(directory).size, 80u);
}

TEST_F(CreateTest, every_change_moves_the_directorys_times_on) {
  for (int i = 0; i < 100; i++) {
    Attributes before = attributes(kRootInode);
    make(kRootInode, "f" + std::to_string(i));
    Attributes after = attributes(kRootInode);
    EXPECT_GT(after.mtime_ns, before.mtime_ns);
    EXPECT_GT(after.ctime_ns, before.ctime_ns);
    EXPECT_GT(after.change, before.change);
  }
}

TEST_F(CreateTest, errors) {
  InodeNumber file = make(kRootInode, "f");
  EXPECT_EQ(make_error(root, kRootInode, "f"), EEXIST);
  EXPECT_EQ(make_error(root, file, "x"), ENOTDIR);
  EXPECT_EQ(make_error(user, kRootInode, "x"), EACCES);
  EXPECT_EQ(make_error(user, kRootInode, "f"), EEXIST) << "existence comes before permission";
  EXPECT_EQ(make_error(root, kRootInode, std::string(256, 'x')), ENAMETOOLONG);
  ASSERT_EQ(change_mode(root, kRootInode, 0777), 0);
  EXPECT_EQ(make_error(user, kRootInode, "dev", kModeBlock | 0600), EPERM);
}

TEST_F(CreateTest, a_removed_directory_gets_no_names) {
  InodeNumber directory = make_directory(kRootInode, "d");
  ASSERT_TRUE(add_kernel_lookup(root, directory));
  ASSERT_EQ(errno_of(remove_directory(root, kRootInode, text("d"))), 0);
  EXPECT_EQ(make_error(root, directory, "x"), ENOENT);
  EXPECT_EQ(make_error(root, directory, "x", kModeDirectory | 0755), ENOENT);
  ASSERT_TRUE(forget_kernel_lookups(root, directory, 1));
  EXPECT_EQ(make_error(root, directory, "x"), ESTALE);
}

TEST_F(CreateTest, setgid_directories_hand_their_group_down) {
  InodeNumber directory = make_directory(kRootInode, "d", 0777);
  ASSERT_EQ(change_owner(root, directory, 0, 55), 0);
  ASSERT_EQ(change_mode(root, directory, 02777), 0);
  InodeNumber inner = make_as(user, directory, "inner", kModeDirectory | 0755);
  EXPECT_EQ(attributes(inner).gid, 55u);
  EXPECT_EQ(attributes(inner).mode, kModeDirectory | 02755u);
  InodeNumber file = make_as(user, directory, "f", kModeRegular | 02775);
  EXPECT_EQ(attributes(file).gid, 55u);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0775u) << "not one of that group";
}

TEST_F(CreateTest, umask_is_applied_here_unless_a_default_acl_rules) {
  NewInode what;
  what.mode = kModeRegular | 0666;
  what.umask = 027;
  Attributes made{};
  ASSERT_TRUE(create(root, kRootInode, text("f"), what, made));
  EXPECT_EQ(made.mode, kModeRegular | 0640u);
}

TEST_F(CreateTest, running_out_of_inodes_is_ENOSPC_and_leaves_everything_in_order) {
  uint64_t made = 0;
  while (make_error(root, kRootInode, "n" + std::to_string(made)) == 0) made++;
  EXPECT_EQ(make_error(root, kRootInode, "another"), ENOSPC);
  EXPECT_GT(made, 1000u);
  ASSERT_EQ(errno_of(unlink(root, kRootInode, text("n0"))), 0);
  EXPECT_EQ(make_error(root, kRootInode, "another"), 0);
}

TEST_F(CreateTest, a_killed_create_leaves_nothing) {
  for (int i = 0; i < 3; i++) {
    uint64_t before = free_inodes();
    volume.in_killed_process([&](TestThread& child) {
      Transaction txn(child.thread);
      MadeInode made;
      NewInode what;
      what.mode = kModeDirectory | 0755;
      ASSERT_TRUE(
          prepare(child.thread, needs_of_entry(child.context, kRootInode, text("x"), what)));
      ASSERT_TRUE(make_entry(txn, child.context, kRootInode, text("x"), what, made));
      kill(getpid(), SIGKILL);
    });
    EXPECT_EQ(find_error(root, kRootInode, "x"), ENOENT);
    EXPECT_EQ(attributes(kRootInode).nlink, 2u);
    EXPECT_EQ(names(kRootInode).size(), 2u);
    EXPECT_EQ(free_inodes(), before);
  }
}

}  // namespace
}  // namespace bt::engine
