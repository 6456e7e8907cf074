// SPDX-License-Identifier: MIT
#include "engine/directory_index.h"
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class LookupTest : public NameTest {};

TEST_F(LookupTest, finds_what_is_there_with_its_mode_and_owner) {
  InodeNumber made = make(kRootInode, "f", kModeRegular | 0640);
  ASSERT_EQ(change_owner(root, made, 7, 8), 0);
  Found found{};
  ASSERT_EQ(errno_of(lookup(root, kRootInode, text("f"), found)), 0);
  EXPECT_EQ(found.inode, made);
  EXPECT_EQ(found.mode, kModeRegular | 0640u);
  EXPECT_EQ(found.uid, 7u);
  EXPECT_EQ(found.gid, 8u);
}

TEST_F(LookupTest, errors_come_in_the_order_of_linux) {
  InodeNumber file = make(kRootInode, "f");
  InodeNumber closed = make_directory(kRootInode, "closed", 0700);
  make(closed, "g");
  EXPECT_EQ(find_error(root, kRootInode, "none"), ENOENT);
  EXPECT_EQ(find_error(root, file, "x"), ENOTDIR);
  EXPECT_EQ(find_error(user, closed, "g"), EACCES);
  EXPECT_EQ(find_error(user, closed, "none"), EACCES);
  EXPECT_EQ(find_error(root, kRootInode, std::string(256, 'x')), ENAMETOOLONG);
  EXPECT_EQ(find_error(user, closed, std::string(256, 'x')), EACCES);
  EXPECT_EQ(find_error(root, InodeNumber::of(InodeIndex{0xffffff}, 0), "x"), ESTALE);
}

TEST_F(LookupTest, a_number_of_an_earlier_life_is_stale) {
  InodeNumber directory = make_directory(kRootInode, "d");
  ASSERT_EQ(errno_of(remove_directory(root, kRootInode, text("d"))), 0);
  InodeNumber again = make_directory(kRootInode, "d");
  ASSERT_EQ(again.index(), directory.index()) << "the free list is a stack";
  EXPECT_NE(again, directory);
  make(again, "x");
  EXPECT_EQ(find_error(root, directory, "x"), ESTALE);
  EXPECT_EQ(find_error(root, again, "x"), 0);
}

TEST_F(LookupTest, parents) {
  InodeNumber outer = make_directory(kRootInode, "outer");
  InodeNumber inner = make_directory(outer, "inner");
  EXPECT_EQ(*parent_of(root, inner), outer);
  EXPECT_EQ(*parent_of(root, outer), kRootInode);
  EXPECT_EQ(*parent_of(root, kRootInode), kRootInode);
  EXPECT_EQ(errno_of(parent_of(root, make(kRootInode, "f"))), ENOTDIR);
}

TEST_F(LookupTest, waits_for_a_live_writer_and_recovers_a_dead_one) {
  make(kRootInode, "f");
  volume.in_killed_process([&](TestThread& child) {
    Transaction txn(child.thread);
    uint32_t hash = hash_name(kRootInode.index(), text("f"));
    ASSERT_TRUE(txn.lock(volume.volume.inode(kRootInode.index())->lock, shm::LockRank::kDirectory));
    ASSERT_TRUE(txn.lock(volume.volume.stripe(hash).lock, shm::LockRank::kStripe));
    txn.store(volume.volume.head(hash), 0u);
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(find(kRootInode, "f")) << "the dead transaction was rolled back";
}

}  // namespace
}  // namespace bt::engine
