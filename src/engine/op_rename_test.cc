// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class RenameTest : public NameTest {
 protected:
  int move(InodeNumber from, std::string_view from_name, InodeNumber to, std::string_view to_name,
           uint32_t flags = 0) {
    return errno_of(rename(root, from, text(from_name), to, text(to_name), flags));
  }
};

TEST_F(RenameTest, within_a_directory) {
  InodeNumber file = make(kRootInode, "a");
  Attributes before = attributes(file), root_before = attributes(kRootInode);
  EXPECT_EQ(move(kRootInode, "a", kRootInode, "b"), 0);
  EXPECT_EQ(find(kRootInode, "b"), file);
  EXPECT_FALSE(find(kRootInode, "a"));
  EXPECT_GT(attributes(file).ctime_ns, before.ctime_ns);
  EXPECT_EQ(attributes(file).mtime_ns, before.mtime_ns);
  EXPECT_GT(attributes(kRootInode).mtime_ns, root_before.mtime_ns);
  EXPECT_EQ(names(kRootInode).size(), 3u);
}

TEST_F(RenameTest, a_directory_to_another_takes_its_dotdot_along) {
  InodeNumber a = make_directory(kRootInode, "a"), b = make_directory(kRootInode, "b");
  InodeNumber moved = make_directory(a, "m");
  EXPECT_EQ(move(a, "m", b, "n"), 0);
  EXPECT_EQ(*parent_of(root, moved), b);
  EXPECT_EQ(attributes(a).nlink, 2u);
  EXPECT_EQ(attributes(b).nlink, 3u);
  EXPECT_EQ(find(b, "n"), moved);
}

TEST_F(RenameTest, over_a_file_replaces_and_reclaims_it) {
  InodeNumber a = make(kRootInode, "a"), b = make(kRootInode, "b");
  uint64_t before = free_inodes();
  EXPECT_EQ(move(kRootInode, "a", kRootInode, "b"), 0);
  EXPECT_EQ(find(kRootInode, "b"), a);
  EXPECT_TRUE(is_gone(b));
  EXPECT_EQ(free_inodes(), before + 1);
  EXPECT_EQ(names(kRootInode).size(), 3u);
}

TEST_F(RenameTest, over_an_empty_directory) {
  InodeNumber a = make_directory(kRootInode, "a"), b = make_directory(kRootInode, "b");
  InodeNumber outer = make_directory(kRootInode, "outer"), inner = make_directory(outer, "inner");
  EXPECT_EQ(move(kRootInode, "a", kRootInode, "b"), 0);
  EXPECT_TRUE(is_gone(b));
  EXPECT_EQ(attributes(kRootInode).nlink, 4u);
  EXPECT_EQ(move(kRootInode, "b", outer, "inner"), 0);
  EXPECT_TRUE(is_gone(inner));
  EXPECT_EQ(attributes(kRootInode).nlink, 3u);
  EXPECT_EQ(attributes(outer).nlink, 3u);
  EXPECT_EQ(*parent_of(root, a), outer);
}

TEST_F(RenameTest, types_and_contents_must_fit) {
  InodeNumber directory = make_directory(kRootInode, "d");
  make(directory, "f");
  make_directory(kRootInode, "e");
  make(kRootInode, "f");
  EXPECT_EQ(move(kRootInode, "e", kRootInode, "d"), ENOTEMPTY);
  EXPECT_EQ(move(kRootInode, "f", kRootInode, "e"), EISDIR);
  EXPECT_EQ(move(kRootInode, "e", kRootInode, "f"), ENOTDIR);
  EXPECT_EQ(move(kRootInode, "none", kRootInode, "f"), ENOENT);
  EXPECT_EQ(move(kRootInode, "f", find(kRootInode, "f"), "x"), ENOTDIR);
}

TEST_F(RenameTest, nothing_moves_into_itself) {
  InodeNumber a = make_directory(kRootInode, "a"), b = make_directory(a, "b"),
              c = make_directory(b, "c");
  EXPECT_EQ(move(kRootInode, "a", a, "x"), EINVAL);
  EXPECT_EQ(move(kRootInode, "a", c, "x"), EINVAL);
  EXPECT_EQ(move(b, "c", kRootInode, "a"), ENOTEMPTY);
  make(c, "f");
  EXPECT_EQ(move(c, "f", kRootInode, "a"), ENOTEMPTY);
  EXPECT_EQ(move(b, "c", kRootInode, "a", kRenameExchange), EINVAL);
  EXPECT_EQ(move(kRootInode, "a", b, "c", kRenameExchange), EINVAL);
}

TEST_F(RenameTest, onto_the_same_file_does_nothing) {
  InodeNumber file = make(kRootInode, "a");
  Attributes after{};
  ASSERT_TRUE(link(root, file, kRootInode, text("b"), after));
  EXPECT_EQ(move(kRootInode, "a", kRootInode, "b"), 0);
  EXPECT_EQ(find(kRootInode, "a"), file);
  EXPECT_EQ(attributes(file).change, after.change);
  EXPECT_EQ(move(kRootInode, "a", kRootInode, "a"), 0);
  EXPECT_EQ(move(kRootInode, "a", kRootInode, "b", kRenameNoReplace), EEXIST);
}

TEST_F(RenameTest, exchange) {
  InodeNumber outer = make_directory(kRootInode, "outer");
  InodeNumber directory = make_directory(kRootInode, "d"), file = make(outer, "f");
  EXPECT_EQ(move(kRootInode, "d", outer, "none", kRenameExchange), ENOENT);
  EXPECT_EQ(move(kRootInode, "d", outer, "f", kRenameExchange), 0);
  EXPECT_EQ(find(kRootInode, "d"), file);
  EXPECT_EQ(find(outer, "f"), directory);
  EXPECT_EQ(*parent_of(root, directory), outer);
  EXPECT_EQ(attributes(kRootInode).nlink, 3u);
  EXPECT_EQ(attributes(outer).nlink, 3u);
  InodeNumber other = make_directory(kRootInode, "o");
  EXPECT_EQ(move(kRootInode, "o", outer, "f", kRenameExchange), 0);
  EXPECT_EQ(*parent_of(root, other), outer);
  EXPECT_EQ(*parent_of(root, directory), kRootInode);
  EXPECT_EQ(attributes(outer).nlink, 3u);
  EXPECT_EQ(move(kRootInode, "o", kRootInode, "d", kRenameExchange | kRenameNoReplace), EINVAL);
  EXPECT_EQ(move(kRootInode, "o", kRootInode, "d", 4), EINVAL);
}

TEST_F(RenameTest, rights) {
  InodeNumber mine = make_directory(kRootInode, "mine", 0777);
  InodeNumber closed = make_directory(kRootInode, "closed", 0755);
  make(mine, "f");
  auto as_user = [&](InodeNumber from, std::string_view a, InodeNumber to, std::string_view b) {
    return errno_of(rename(user, from, text(a), to, text(b), 0));
  };
  EXPECT_EQ(as_user(mine, "f", closed, "f"), EACCES);
  EXPECT_EQ(as_user(mine, "f", mine, "g"), 0);
  ASSERT_EQ(change_mode(root, mine, 01777), 0);
  EXPECT_EQ(as_user(mine, "g", mine, "h"), EPERM);
  make_as(user, mine, "own", kModeRegular | 0644);
  EXPECT_EQ(as_user(mine, "own", mine, "g"), EPERM) << "what it replaces is root's";
  EXPECT_EQ(as_user(mine, "own", mine, "own2"), 0);
  InodeNumber sub = make_as(user, mine, "sub", kModeDirectory | 0555);
  InodeNumber users = make_directory(kRootInode, "users", 0777);
  EXPECT_EQ(as_user(mine, "sub", users, "sub"), EACCES) << "its .. cannot be written";
  ASSERT_EQ(change_mode(root, sub, 0755), 0);
  EXPECT_EQ(as_user(mine, "sub", users, "sub"), 0);
}

TEST_F(RenameTest, long_names_and_equal_chains) {
  for (int i = 0; i < 300; i++) {
    std::string from(1 + i % 200, 'x'), to(1 + (i * 7) % 255, 'y');
    InodeNumber file = make(kRootInode, from);
    InodeNumber old = find(kRootInode, to);
    EXPECT_EQ(move(kRootInode, from, kRootInode, to), 0);
    EXPECT_EQ(find(kRootInode, to), file);
    EXPECT_FALSE(find(kRootInode, from));
    EXPECT_TRUE(!old || is_gone(old));
  }
}

TEST_F(RenameTest, directories_moved_against_each_other_by_two_processes_never_form_a_loop) {
  InodeNumber a = make_directory(kRootInode, "a"), b = make_directory(kRootInode, "b");
  pid_t children[2];
  for (int side = 0; side < 2; side++) {
    children[side] = fork();
    if (children[side] != 0) continue;
    TestThread self(volume.volume);
    InodeNumber mine = side ? a : b, theirs = side ? b : a;
    std::string_view name = side ? "b" : "a";
    for (int i = 0; i < 20000; i++) {
      (void)rename(self.context, kRootInode, text(name), mine, text(name), 0).has_value();
      (void)rename(self.context, mine, text(name), kRootInode, text(name), 0).has_value();
      (void)theirs;
    }
    _exit(0);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(find(kRootInode, "a"), a);
  EXPECT_EQ(find(kRootInode, "b"), b);
  EXPECT_EQ(attributes(kRootInode).nlink, 4u);
  EXPECT_FALSE(volume.volume.is_frozen());
}

}  // namespace
}  // namespace bt::engine
