// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class ListTest : public NameTest {};

TEST_F(ListTest, dots_come_first_and_entries_in_the_order_of_their_making) {
  InodeNumber directory = make_directory(kRootInode, "d");
  for (const char* name : {"c", "a", "b"}) make(directory, name);
  EXPECT_EQ(names(directory), (std::vector<std::string>{".", "..", "c", "a", "b"}));
  DentryIndex hint{};
  ListedName entry;
  ASSERT_TRUE(next_entry(root, directory, 0, hint, entry));
  EXPECT_EQ(entry.inode, directory);
  EXPECT_EQ(entry.type, 4u);
  ASSERT_TRUE(next_entry(root, directory, entry.cookie, hint, entry));
  EXPECT_EQ(entry.inode, kRootInode);
  ASSERT_TRUE(next_entry(root, directory, entry.cookie, hint, entry));
  EXPECT_EQ(entry.type, 8u);
  EXPECT_EQ(entry.inode, find(directory, "c"));
}

TEST_F(ListTest, resumes_after_any_cookie_with_any_hint) {
  for (int i = 0; i < 200; i++) make(kRootInode, "f" + std::to_string(i));
  std::vector<uint64_t> cookies;
  uint64_t cookie = 0;
  DentryIndex hint{};
  ListedName entry;
  while (next_entry(root, kRootInode, cookie, hint, entry))
    cookies.push_back(cookie = entry.cookie);
  ASSERT_EQ(cookies.size(), 202u);
  for (size_t at = 0; at + 1 < cookies.size(); at += 13) {
    for (uint32_t wrong : {0u, 1u, 77u, 0xffffffu}) {
      DentryIndex wild{wrong};
      ASSERT_TRUE(next_entry(root, kRootInode, cookies[at], wild, entry));
      EXPECT_EQ(entry.cookie, cookies[at + 1]);
    }
  }
}

TEST_F(ListTest, what_stays_comes_once_while_others_are_deleted_and_made) {
  for (int i = 0; i < 300; i++) make(kRootInode, (i % 2 ? "stay" : "go") + std::to_string(i));
  std::vector<std::string> seen;
  uint64_t cookie = 0;
  DentryIndex hint{};
  ListedName entry;
  for (int i = 0; next_entry(root, kRootInode, cookie, hint, entry); i++) {
    std::string name(entry.name, entry.name_size);
    cookie = entry.cookie;
    if (name.starts_with("stay")) seen.push_back(name);
    if (name.starts_with("go")) {
      ASSERT_TRUE(unlink(root, kRootInode, text(name)));
    }
    if (i < 50) make(kRootInode, "new" + std::to_string(i));
  }
  ASSERT_EQ(seen.size(), 150u);
  for (int i = 0; i < 150; i++) EXPECT_EQ(seen[i], "stay" + std::to_string(2 * i + 1));
}

TEST_F(ListTest, long_names_come_whole) {
  std::vector<std::string> expected = {".", ".."};
  for (uint32_t size : {1, 20, 21, 72, 73, 255, 5, 200, 21})
    if (std::string name = std::string(size, 'a' + expected.size() % 26); make(kRootInode, name))
      expected.push_back(name);
  EXPECT_EQ(names(kRootInode), expected);
}

TEST_F(ListTest, errors) {
  DentryIndex hint{};
  ListedName entry;
  EXPECT_EQ(errno_of(next_entry(root, make(kRootInode, "f"), 0, hint, entry)), ENOTDIR);
  volume.check_at_end = false;
  DentryIndex first = volume.volume.inode(InodeIndex::kRoot)->directory.first;
  volume.volume.dentry(first)->directory_next = DentryIndex{0xfffffff0};
  EXPECT_EQ(errno_of(next_entry(root, kRootInode, 0, hint, entry)), EIO);
}

TEST_F(ListTest, a_circle_of_entries_is_damage_and_no_endless_listing) {
  for (const char* name : {"a", "b", "c"}) make(kRootInode, name);
  volume.check_at_end = false;
  DirectoryPart& part = volume.volume.inode(InodeIndex::kRoot)->directory;
  volume.volume.dentry(part.last)->directory_next = part.first;
  DentryIndex hint{};
  ListedName entry;
  uint64_t cookie = 0;
  uint32_t listed = 0;
  Result<void> next = {};
  while (listed < 100 && (next = next_entry(root, kRootInode, cookie, hint, entry))) {
    cookie = entry.cookie;
    listed++;
  }
  EXPECT_LE(listed, 5u);
  EXPECT_EQ(errno_of(next), EIO);
}

}  // namespace
}  // namespace bt::engine
