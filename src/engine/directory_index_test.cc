// SPDX-License-Identifier: MIT
#include "engine/directory_index.h"

#include <set>

#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class DirectoryIndexTest : public NameTest {};

TEST_F(DirectoryIndexTest, hash_depends_on_parent_and_every_byte) {
  std::set<uint32_t> seen;
  std::string name(64, 'a');
  for (size_t at = 0; at < name.size(); at++) {
    std::string changed = name;
    changed[at] = 'b';
    seen.insert(hash_name(kRootInode.index(), text(changed)));
  }
  seen.insert(hash_name(InodeIndex{2}, text(name)));
  for (uint32_t size = 1; size <= 255; size++) {
    std::string sized(size, 'z');
    seen.insert(hash_name(kRootInode.index(), text(sized)));
  }
  EXPECT_GE(seen.size(), 64u + 1 + 255 - 1);
}

TEST_F(DirectoryIndexTest, hash_spreads_numbered_names) {
  constexpr uint32_t kNames = 65536, kHeads = 65536;
  std::vector<uint8_t> chain(kHeads);
  uint32_t longest = 0;
  for (uint32_t i = 0; i < kNames; i++) {
    std::string name = "file" + std::to_string(i);
    uint32_t length = ++chain[hash_name(kRootInode.index(), text(name)) % kHeads];
    longest = std::max(longest, length);
  }
  EXPECT_LE(longest, 10u);  // As many balls as bins: 8 or 9 for a random function.
}

TEST_F(DirectoryIndexTest, names_of_every_length_are_found_and_removed) {
  uint64_t before = free_inodes();
  for (uint32_t size = 1; size <= kNameMax; size++) make(kRootInode, std::string(size, 'n'));
  for (uint32_t size = 1; size <= kNameMax; size++) {
    std::string name(size, 'n');
    EXPECT_TRUE(find(kRootInode, name)) << size;
    name.back() = 'm';
    EXPECT_FALSE(find(kRootInode, name)) << size;
  }
  auto listed = names(kRootInode);
  ASSERT_EQ(listed.size(), kNameMax + 2);
  for (uint32_t size = 1; size <= kNameMax; size++)
    EXPECT_EQ(listed[size + 1], std::string(size, 'n'));
  for (uint32_t size = 1; size <= kNameMax; size++)
    EXPECT_EQ(errno_of(unlink(root, kRootInode, text(std::string(size, 'n')))), 0);
  EXPECT_EQ(names(kRootInode).size(), 2u);
  EXPECT_EQ(free_inodes(), before);
}

TEST_F(DirectoryIndexTest, a_loop_in_a_chain_is_damage_not_a_hang) {
  volume.check_at_end = false;
  make(kRootInode, "looped");
  uint32_t hash = hash_name(kRootInode.index(), text("looped"));
  DentryIndex index{volume.volume.head(hash)};
  volume.volume.dentry(index)->chain_next = index;
  // Another name of the same chain: searched to the end that does not come.
  volume.volume.dentry(index)->hash = hash + 1;
  EXPECT_EQ(find_error(root, kRootInode, "looped"), EIO);
  EXPECT_TRUE(volume.volume.is_frozen());
}

TEST_F(DirectoryIndexTest, an_index_out_of_range_is_damage) {
  volume.check_at_end = false;
  make(kRootInode, "wild");
  volume.volume.head(hash_name(kRootInode.index(), text("wild"))) = 0xfffffff0;
  EXPECT_EQ(find_error(root, kRootInode, "wild"), EIO);
}

}  // namespace
}  // namespace bt::engine
