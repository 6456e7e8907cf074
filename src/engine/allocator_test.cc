// SPDX-License-Identifier: MIT
#include "engine/allocator.h"

#include <gtest/gtest.h>

#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class AllocatorTest : public testing::Test {
 protected:
  AllocatorTest() { test.check_at_end = false; }  // records are taken for no file
  // A transaction needs a lock; the root's will do.
  Result<void> begin(Transaction& txn) {
    return txn.lock(test.volume.inode(InodeIndex::kRoot)->lock, shm::LockRank::kInode);
  }
  std::vector<PageIndex> take_pages(Thread& thread, uint32_t count) {
    std::vector<PageIndex> pages;
    while (pages.size() < count) {
      uint32_t part = std::min(count - static_cast<uint32_t>(pages.size()), 100u);
      EXPECT_TRUE(prepare(thread, {.pages = part}));
      Transaction txn(thread);
      EXPECT_TRUE(begin(txn));
      for (; part > 0; part--)
        pages.push_back(take_page(txn, thread, InodeIndex::kRoot,
                                  static_cast<uint32_t>(pages.size()), kPageData));
      txn.commit();
    }
    return pages;
  }
  void give_pages(Thread& thread, const std::vector<PageIndex>& pages) {
    for (PageIndex page : pages) {
      Transaction txn(thread);
      EXPECT_TRUE(begin(txn));
      give_page(txn, thread, page);
      txn.commit();
      settle(thread);
    }
  }
  TestVolume test;
};

TEST_F(AllocatorTest, fresh_pages_follow_each_other) {
  auto pages = take_pages(test.thread(), 40);
  for (uint32_t i = 0; i < 40; i++) EXPECT_EQ(raw(pages[i]), raw(pages[0]) + i);
  EXPECT_EQ(test.volume.page_descriptor(pages[7])->index, 7u);
}

TEST_F(AllocatorTest, what_is_given_is_taken_next) {
  auto pages = take_pages(test.thread(), 2);
  give_pages(test.thread(), pages);
  EXPECT_EQ(take_pages(test.thread(), 1)[0], pages[1]);
}

TEST_F(AllocatorTest, roll_back_returns_what_was_taken) {
  Space before = measure_space(test.volume);
  ASSERT_TRUE(prepare(test.thread(), {.inodes = 3, .pages = 3}));
  {
    Transaction txn(test.thread());
    ASSERT_TRUE(begin(txn));
    take_inode(txn, test.thread());
    take_page(txn, test.thread(), InodeIndex::kRoot, 0, kPageData);
  }
  EXPECT_EQ(measure_space(test.volume).pages_free, before.pages_free);
  EXPECT_EQ(measure_space(test.volume).inodes_free, before.inodes_free);
  test.check_at_end = true;
}

TEST_F(AllocatorTest, long_lists_are_flushed_to_the_pool) {
  auto pages = take_pages(test.thread(), 1000);
  give_pages(test.thread(), pages);
  EXPECT_LE(test.thread().slot->free.page_count, kListPagesMax);
  EXPECT_GT(test.volume.superblock().free_pages.count, 1000u - kListPagesMax);
  test.check_at_end = true;
}

TEST_F(AllocatorTest, the_last_page_of_the_volume_can_be_had_even_from_the_dead) {
  auto mine = take_pages(test.thread(), 10);
  // A killed process leaves free pages in its slot.
  test.in_killed_process([&](TestThread& child) { give_pages(child.thread, mine); });
  uint64_t all = measure_space(test.volume).pages_total;
  uint64_t got = 0;
  while (prepare(test.thread(), {.pages = 1})) got += take_pages(test.thread(), 1).size();
  EXPECT_EQ(prepare(test.thread(), {.pages = 1}).error().errno_value(), ENOSPC);
  EXPECT_EQ(got, all);
  EXPECT_EQ(measure_space(test.volume).pages_free, 0u);
}

TEST_F(AllocatorTest, each_kind_has_its_own_error) {
  EXPECT_EQ(prepare(test.thread(), {.descriptions = 1u << 30}).error().errno_value(), ENFILE);
  EXPECT_EQ(prepare(test.thread(), {.file_locks = 1u << 30}).error().errno_value(), ENOLCK);
  EXPECT_EQ(prepare(test.thread(), {.dentries = 1u << 30}).error().errno_value(), ENOSPC);
}

TEST_F(AllocatorTest, a_detached_thread_leaves_nothing_behind) {
  Space before = measure_space(test.volume);
  {
    TestThread other(test.volume);
    ASSERT_TRUE(prepare(other.thread, {.inodes = 1, .dentries = 1, .pages = 1}));
  }
  EXPECT_EQ(measure_space(test.volume).pages_free, before.pages_free);
  EXPECT_GE(test.volume.superblock().free_pages.count, kBatchPages);
  test.check_at_end = true;
}
}  // namespace
}  // namespace bt::engine
