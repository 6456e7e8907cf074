// SPDX-License-Identifier: MIT
#include "engine/reclaim.h"

#include "engine/data.h"
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class ReclaimTest : public NameTest {
 protected:
  void fill(InodeNumber inode, uint64_t pages, uint64_t first = 0) {
    std::string bytes(kPageSizeBytes, 'p');
    Piece piece{bytes.data(), bytes.size()};
    for (uint64_t page = first; page < first + pages; page++) {
      uint64_t end;
      auto written = write(root, inode, page * kPageSizeBytes, &piece, 1, {}, end);
      ASSERT_TRUE(written && *written == bytes.size());
    }
  }
  uint64_t pages_before = free_pages(), inodes_before = free_inodes();
};

TEST_F(ReclaimTest, files_of_every_size_go_with_their_last_name) {
  for (uint64_t pages : {1, 2, 63, 64, 65, 300, 1500}) {
    InodeNumber file = make(kRootInode, "f");
    fill(file, pages);
    ASSERT_TRUE(unlink(root, kRootInode, text("f")));
    EXPECT_TRUE(is_gone(file));
    EXPECT_EQ(free_pages(), pages_before) << pages;
    EXPECT_EQ(free_inodes(), inodes_before);
    EXPECT_EQ(volume.volume.superblock().orphan_count, 0u);
  }
}

TEST_F(ReclaimTest, sparse_files_go_too) {
  InodeNumber file = make(kRootInode, "f");
  fill(file, 1, 0);
  fill(file, 1, 5'000'000);
  ASSERT_TRUE(unlink(root, kRootInode, text("f")));
  EXPECT_EQ(free_pages(), pages_before);
}

TEST_F(ReclaimTest, a_killed_reclaim_is_finished_by_the_sweep) {
  InodeNumber file = make(kRootInode, "f");
  fill(file, 500);
  record(file).opens = 1;
  ASSERT_TRUE(unlink(root, kRootInode, text("f")));
  volume.in_killed_process([&](TestThread& child) {
    ASSERT_TRUE(drop_open(child.thread, file));
    ASSERT_FALSE(*sweep_orphans(child.thread, 2));
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(is_gone(file)) << "its generation went on at once";
  EXPECT_EQ(volume.volume.superblock().orphan_count, 1u);
  EXPECT_TRUE(*sweep_orphans(volume.thread(), kSweepAll));
  EXPECT_EQ(volume.volume.superblock().orphan_count, 0u);
}

TEST_F(ReclaimTest, several_orphans_in_any_order) {
  for (int i = 0; i < 4; i++) {
    InodeNumber file = make(kRootInode, "f");
    fill(file, 100);
    record(file).opens = 1;
    ASSERT_TRUE(unlink(root, kRootInode, text("f")));
    ASSERT_TRUE(drop_open(volume.thread(), file));
  }
  EXPECT_EQ(volume.volume.superblock().orphan_count, 4u);
  EXPECT_TRUE(*sweep_orphans(volume.thread(), kSweepAll));
  EXPECT_EQ(free_pages(), pages_before);
}

TEST_F(ReclaimTest, descriptions_and_lookups_keep_it) {
  InodeNumber file = make(kRootInode, "f");
  record(file).opens = 1;
  ASSERT_TRUE(unlink(root, kRootInode, text("f")));
  EXPECT_FALSE(is_gone(file));
  EXPECT_FALSE(drop_open(volume.thread(), file)) << "small: gone at once";
  EXPECT_TRUE(is_gone(file));
}

}  // namespace
}  // namespace bt::engine
