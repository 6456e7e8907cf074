// SPDX-License-Identifier: MIT
#include "posix/number_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace bt::posix {
namespace {

constexpr int32_t kAny = INT32_MAX;

TEST(NumberPool, gives_the_lowest_first) {
  NumberPool pool{};
  for (int32_t fd : {7, 3, 9, 5}) EXPECT_TRUE(pool.put(fd));
  EXPECT_FALSE(pool.put(4)) << "full";
  for (int32_t fd : {3, 5, 7, 9}) EXPECT_EQ(pool.take(0, kAny), fd);
  EXPECT_EQ(pool.take(0, kAny), -1);
  EXPECT_TRUE(pool.is_empty());
}

TEST(NumberPool, keeps_to_the_bounds) {
  NumberPool pool{};
  for (int32_t fd : {0, 10, 65534}) EXPECT_TRUE(pool.put(fd));
  EXPECT_EQ(pool.take(0, 0), -1);
  EXPECT_EQ(pool.take(1, 10), -1);
  EXPECT_EQ(pool.take(1, kAny), 10);
  EXPECT_FALSE(pool.contains(10));
  EXPECT_TRUE(pool.contains(0));
  EXPECT_EQ(pool.take(1, kAny), 65534);
  EXPECT_EQ(pool.take(0, kAny), 0);
}

// Every number is held by one thread at a time, and none is lost.
TEST(NumberPool, threads_never_get_the_same_number) {
  NumberPool pool{};
  std::atomic<int> holders[4] = {};
  for (int32_t fd = 0; fd < 4; fd++) ASSERT_TRUE(pool.put(fd));
  auto work = [&] {
    for (int i = 0; i < 50'000; i++) {
      int32_t fd = pool.take(0, kAny);
      if (fd < 0) continue;
      EXPECT_EQ(holders[fd]++, 0);
      holders[fd]--;
      EXPECT_TRUE(pool.put(fd));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; i++) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  for (int32_t fd = 0; fd < 4; fd++) EXPECT_EQ(pool.take(0, kAny), fd);
}

}  // namespace
}  // namespace bt::posix
