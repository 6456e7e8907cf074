// SPDX-License-Identifier: MIT
// Advisory locks against a model that keeps one holder set a byte: random set, clear and test by four owners, fixed seeds.
#include "engine/file_locks.h"

#include <map>
#include <random>

#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class FileLocksTest : public testing::Test {
 protected:
  FileLocksTest() {
    NewInode what;
    what.mode = 0100644;
    Attributes made;
    EXPECT_TRUE(create(context(), kRootInode, base::text_of("f"), what, made).has_value());
    file = made.inode;
  }
  int set(uint64_t owner, uint64_t start, uint64_t end, bool exclusive,
          FileLockKind kind = kFileLockPosix) {
    auto result = set_file_lock(context(), file, {kind, owner, 1}, {start, end, exclusive});
    return result ? 0 : result.error().errno_value();
  }
  int clear(uint64_t owner, uint64_t start, uint64_t end, FileLockKind kind = kFileLockPosix) {
    auto result = clear_file_lock(context(), file, {kind, owner, 1}, {start, end, false});
    return result ? 0 : result.error().errno_value();
  }
  uint32_t records() {
    uint32_t count = 0;
    for (FileLockIndex at = volume.volume.inode(file.index())->file_locks;
         at != FileLockIndex::kNone; at = volume.volume.file_lock(at)->next)
      count++;
    return count;
  }
  Context& context() { return volume.context(); }

  TestVolume volume{16ull << 20};
  InodeNumber file;
};

TEST_F(FileLocksTest, random_ranges_agree_with_a_model_by_bytes) {
  constexpr uint64_t kBytes = 60, kOwners = 4;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    std::mt19937_64 random(seed);
    // 0 none, 1 shared, 2 exclusive
    std::vector<std::vector<int>> model(kOwners, std::vector<int>(kBytes, 0));
    for (int step = 0; step < 3000; step++) {
      uint64_t owner = random() % kOwners, start = random() % kBytes,
               end = start + random() % (kBytes - start);
      bool exclusive = random() % 2;
      bool blocked = false;
      for (uint64_t other = 0; other < kOwners; other++)
        for (uint64_t i = start; i <= end && other != owner; i++)
          blocked |= model[other][i] == 2 || (exclusive && model[other][i] == 1);
      if (random() % 3 == 0) {
        ASSERT_EQ(clear(owner + 1, start, end), 0);
        for (uint64_t i = start; i <= end; i++) model[owner][i] = 0;
      } else if (random() % 4 == 0) {
        LockOwner holder;
        LockRange held;
        auto result = test_file_lock(context(), file, {kFileLockPosix, owner + 1, 1},
                                     {start, end, exclusive}, holder, held);
        ASSERT_EQ(result.has_value(), blocked) << "seed " << seed << " step " << step;
        if (result) {
          int expected = held.exclusive ? 2 : 1;
          for (uint64_t i = held.start; i <= held.end; i++)
            ASSERT_EQ(model[holder.value - 1][i], expected);
        }
      } else {
        ASSERT_EQ(set(owner + 1, start, end, exclusive), blocked ? EAGAIN : 0)
            << "seed " << seed << " step " << step;
        for (uint64_t i = start; i <= end && !blocked; i++) model[owner][i] = exclusive ? 2 : 1;
      }
      ASSERT_LE(records(), kOwners * kBytes);
    }
    for (uint64_t owner = 1; owner <= kOwners; owner++)
      ASSERT_TRUE(release_file_locks(context(), file, kFileLockPosix, owner).has_value());
    ASSERT_EQ(records(), 0u);
  }
}

TEST_F(FileLocksTest, touching_locks_of_one_kind_become_one) {
  set(1, 0, 9, true);
  set(1, 10, 19, true);
  EXPECT_EQ(records(), 1u);
  set(1, 30, UINT64_MAX, true);
  set(1, 20, 29, false);
  EXPECT_EQ(records(), 3u);
  set(1, 0, UINT64_MAX, true);
  EXPECT_EQ(records(), 1u);
}

TEST_F(FileLocksTest, flock_and_range_locks_ignore_each_other) {
  EXPECT_EQ(set(1, 0, UINT64_MAX, true, kFileLockFlock), 0);
  EXPECT_EQ(set(2, 0, UINT64_MAX, true, kFileLockPosix), 0);
  EXPECT_EQ(set(2, 0, UINT64_MAX, false, kFileLockFlock), EAGAIN);
  EXPECT_EQ(set(1, 0, 5, true, kFileLockDescription), EAGAIN);
  EXPECT_EQ(set(1, 0, UINT64_MAX, false, kFileLockFlock), 0);
  EXPECT_EQ(set(2, 0, UINT64_MAX, false, kFileLockFlock), 0);
  for (uint64_t owner : {1, 2})
    EXPECT_TRUE(release_file_locks(context(), file, kFileLockFlock, owner).has_value());
}

TEST_F(FileLocksTest, many_locks_are_cleared_in_steps_but_not_replaced_at_once) {
  for (uint64_t i = 0; i < 100; i++) ASSERT_EQ(set(1, i * 10, i * 10 + 5, true), 0);
  EXPECT_EQ(records(), 100u);
  EXPECT_EQ(set(1, 0, 2000, false), ENOLCK);
  EXPECT_EQ(records(), 100u);
  EXPECT_EQ(clear(1, 0, UINT64_MAX), 0);
  EXPECT_EQ(records(), 0u);
}

TEST_F(FileLocksTest, a_waiter_wakes_when_the_lock_goes) {
  ASSERT_EQ(set(1, 0, 9, true), 0);
  pid_t pid = fork();
  if (pid == 0) {
    TestThread child(volume.volume);
    LockOwner owner{kFileLockPosix, 2, 2};
    LockRange range{0, 5, true};
    for (int round = 0; round < 200; round++) {
      uint32_t seen = file_lock_changes(child.context, file);
      if (set_file_lock(child.context, file, owner, range)) _exit(0);
      (void)wait_file_lock(child.context, file, owner, range, seen, 50);
    }
    _exit(1);
  }
  usleep(20000);
  ASSERT_EQ(clear(1, 0, 9), 0);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(FileLocksTest, waiting_in_a_ring_is_EDEADLK) {
  TestThread other(volume.volume);
  // The other owner sleeps for a lock of owner 1, as its slot says.
  other.thread.slot->waiting_owner = 2;
  other.thread.slot->waiting_for = 1;
  ASSERT_EQ(set(2, 0, 9, true), 0);
  auto result = wait_file_lock(context(), file, {kFileLockPosix, 1, 1}, {0, 9, true}, 0, 1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().errno_value(), EDEADLK);
  other.thread.slot->waiting_owner = 0;
}

}  // namespace
}  // namespace bt::engine
