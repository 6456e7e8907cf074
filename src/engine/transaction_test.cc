// SPDX-License-Identifier: MIT
#include "engine/transaction.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/test_volume.h"

namespace bt::engine {
namespace {
using shm::LockRank;

class TransactionTest : public testing::Test {
 protected:
  TransactionTest() { test.check_at_end = false; }  // the tests change records as they like
  TestVolume test;
  Volume& volume = test.volume;
  // Two words and their lock, for all tests to change.
  InodeRecord& inode = *volume.inode(InodeIndex{5});
  LockRecord& lock = inode.lock;
};

TEST_F(TransactionTest, commit_keeps_and_roll_back_restores) {
  {
    Transaction txn(test.thread());
    ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
    txn.store(inode.size, 7);
    txn.store(inode.uid, 8u);
    EXPECT_EQ(lock.seq & 1, 1u);
    txn.commit();
  }
  EXPECT_EQ(inode.size, 7u);
  {
    Transaction txn(test.thread());
    ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
    txn.store(inode.size, 9);
    txn.store(inode.size, 10);
    txn.store(inode.uid, 11u);
  }
  EXPECT_EQ(inode.size, 7u);
  EXPECT_EQ(inode.uid, 8u);
  EXPECT_EQ(lock.tag, 0u);
  EXPECT_EQ(lock.seq, 4u);
  EXPECT_EQ(test.thread().slot->held_count, 0u);
}

TEST_F(TransactionTest, half_words_leave_their_neighbour_alone) {
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  txn.store(inode.uid, 1u);
  inode.gid = 77;  // as if under another lock
  txn.roll_back();
  EXPECT_EQ(inode.uid, 0u);
  EXPECT_EQ(inode.gid, 77u);
}

TEST_F(TransactionTest, a_lock_may_be_taken_twice) {
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  txn.commit();
  EXPECT_EQ(lock.tag, 0u);
}

TEST_F(TransactionTest, a_second_transaction_of_the_thread_is_refused) {
  Transaction outer(test.thread());
  ASSERT_TRUE(outer.lock(lock, LockRank::kInode));
  Transaction inner(test.thread());
  EXPECT_EQ(inner.lock(volume.inode(InodeIndex{6})->lock, LockRank::kInode).error(),
            error::signal_in_section);
}

TEST_F(TransactionTest, a_frozen_volume_refuses_changes) {
  (void)volume.damaged("x", 1);
  Transaction txn(test.thread());
  EXPECT_EQ(txn.lock(lock, LockRank::kInode).error(), error::volume_frozen);
  volume.superblock().frozen = 0;
}

TEST_F(TransactionTest, bump_dirtree_counts_commits_only) {
  uint64_t before = volume.superblock().dirtree_seq;
  for (bool commit : {false, true}) {
    Transaction txn(test.thread());
    ASSERT_TRUE(txn.lock(lock, LockRank::kDirectory));
    txn.bump_dirtree();
    if (commit) txn.commit();
  }
  EXPECT_EQ(volume.superblock().dirtree_seq, before + 1);
}

TEST_F(TransactionTest, commit_stamps_the_request_it_executes) {
  test.thread().request = 99;
  {
    Transaction txn(test.thread());
    ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
    txn.store(inode.size, 1);
  }
  EXPECT_EQ(test.thread().slot->stamp, 0u);
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  txn.store(inode.size, 1);
  txn.commit();
  EXPECT_EQ(test.thread().slot->stamp, 99u);
}

TEST_F(TransactionTest, a_waiter_rolls_a_killed_holder_back) {
  inode.size = 5;
  test.in_killed_process([&](TestThread& child) {
    auto* txn = new Transaction(child.thread);
    if (!txn->lock(lock, LockRank::kInode)) _exit(1);
    txn->store(inode.size, 6);
    txn->store(inode.uid, 6u);
  });
  EXPECT_EQ(inode.size, 6u);
  EXPECT_NE(lock.tag, 0u);
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  EXPECT_EQ(inode.size, 5u);
  EXPECT_EQ(inode.uid, 0u);
  txn.commit();
  EXPECT_EQ(lock.seq & 1, 0u);
}

TEST_F(TransactionTest, a_killed_owner_after_commit_keeps_its_change) {
  test.in_killed_process([&](TestThread& child) {
    auto* txn = new Transaction(child.thread);
    if (!txn->lock(lock, LockRank::kInode)) _exit(1);
    txn->store(inode.size, 6);
    child.thread.slot->log_count = 0;  // the commit point, and killed before the unlock
  });
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  EXPECT_EQ(inode.size, 6u);
}

// Threads of two processes and rollbacks in between: no increment is lost, no lock is left.
TEST_F(TransactionTest, contended_increments_add_up) {
  constexpr uint64_t kEach = 20000;
  pid_t pid = fork();
  auto work = [&](Thread& thread) {
    for (uint64_t i = 0; i < kEach; i++) {
      Transaction txn(thread);
      if (!txn.lock(lock, LockRank::kInode)) _exit(1);
      txn.store(inode.size, inode.size + 1);
      if (i % 7 == 0) {
        txn.roll_back();
        i--;
        Transaction again(thread);
        if (!again.lock(lock, LockRank::kInode)) _exit(1);
        again.store(inode.size, inode.size + 1);
        again.commit();
        i++;
        continue;
      }
      txn.commit();
    }
  };
  if (pid == 0) {
    TestThread child(volume);
    work(child.thread);
    _exit(0);
  }
  work(test.thread());
  int status;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(inode.size, 2 * kEach);
  EXPECT_EQ(lock.tag & ~1ull, 0u);
}

TEST_F(TransactionTest, a_tag_that_nobody_can_have_is_damage) {
  lock.tag = shm::make_tag(SlotIndex{200}, 5);
  Transaction txn(test.thread());
  EXPECT_EQ(txn.lock(lock, LockRank::kInode).error(), error::volume_corrupt);
  EXPECT_TRUE(volume.is_frozen());
  volume.superblock().frozen = 0;
}

TEST_F(TransactionTest, a_tag_whose_owner_does_not_say_so_is_damage_after_a_while) {
  TestThread other(volume);
  lock.tag = other.thread.tag;
  Transaction txn(test.thread());
  EXPECT_EQ(txn.lock(lock, LockRank::kInode).error(), error::volume_corrupt);
  volume.superblock().frozen = 0;
}

TEST_F(TransactionTest, hostile_log_freezes_instead_of_writing_outside) {
  test.in_killed_process([&](TestThread& child) {
    auto* txn = new Transaction(child.thread);
    if (!txn->lock(lock, LockRank::kInode)) _exit(1);
    child.thread.slot->log[0] = {volume.geometry().volume_size, 1};
    child.thread.slot->log_count = 1;
  });
  Transaction txn(test.thread());
  EXPECT_EQ(txn.lock(lock, LockRank::kInode).error().errno_value(), EIO);
  EXPECT_TRUE(volume.is_frozen());
  volume.superblock().frozen = 0;
}

TEST_F(TransactionTest, gate_keeps_transactions_out_until_opened) {
  TestThread checker(volume);
  ASSERT_TRUE(close_gate(checker.thread, 1000));
  std::atomic<bool> done = false;
  std::thread worker([&] {
    TestThread me(volume, test.session());
    Transaction txn(me.thread);
    ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
    txn.store(inode.size, 1);
    txn.commit();
    done = true;
  });
  usleep(30000);
  EXPECT_FALSE(done);
  EXPECT_EQ(close_gate(test.thread(), 10).error().errno_value(), EBUSY);
  open_gate(checker.thread);
  worker.join();
  EXPECT_EQ(inode.size, 1u);
}

TEST_F(TransactionTest, gate_of_a_dead_closer_opens) {
  test.in_killed_process([&](TestThread& child) {
    if (!close_gate(child.thread, 1000)) _exit(1);
  });
  EXPECT_NE(volume.superblock().gate, 0u);
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  txn.commit();
  EXPECT_EQ(volume.superblock().gate, 0u);
}

TEST_F(TransactionTest, gate_gives_up_on_a_stopped_transaction) {
  TestThread checker(volume);
  Transaction txn(test.thread());
  ASSERT_TRUE(txn.lock(lock, LockRank::kInode));
  EXPECT_EQ(close_gate(checker.thread, 20).error().errno_value(), ETIMEDOUT);
  EXPECT_EQ(volume.superblock().gate, 0u);
  txn.commit();
}

TEST_F(TransactionTest, locks_out_of_order_end_a_debug_build) {
#ifdef BT_DEBUG
  pid_t pid = fork();
  if (pid == 0) {
    base::assertion_handler = [](const char*, const char*, uint32_t) { _exit(77); };
    TestThread other(volume);
    Transaction txn(other.thread);
    (void)txn.lock(lock, LockRank::kInode).has_value();
    (void)txn.lock(volume.superblock().rename_lock, LockRank::kRename).has_value();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 77);
#else
  GTEST_SKIP() << "only a debug build looks";
#endif
}

TEST_F(TransactionTest, costs_little) {
  uint64_t best_ns = UINT64_MAX;
  for (int round = 0; round < 20; round++) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; i++) {
      Transaction txn(test.thread());
      if (!txn.lock(lock, LockRank::kInode)) FAIL();
      for (int k = 0; k < 8; k++) txn.store(inode.size, static_cast<uint64_t>(k));
      txn.commit();
    }
    auto took = std::chrono::steady_clock::now() - start;
    best_ns = std::min<uint64_t>(best_ns, static_cast<uint64_t>(took.count()) / 1000);
  }
  printf("one lock and eight stores: %lu ns\n", best_ns);
}
}  // namespace
}  // namespace bt::engine
