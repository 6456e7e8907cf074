// SPDX-License-Identifier: MIT
#include "engine/clock.h"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>

#include "engine/test_volume.h"

namespace bt::engine {
namespace {

int64_t kernel_now_ns() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// Between two readings of the kernel's clock, give or take what the calibration may be off (and a slew by NTP in that time).
TEST(Clock, follows_the_kernel) {
  TestVolume test;
  auto begin = std::chrono::steady_clock::now();
  auto took = [&] { return std::chrono::steady_clock::now() - begin; };
  uint64_t& rate = test.volume.superblock().clock_rate;
  while (took() < std::chrono::milliseconds(300) || (!rate && took() < std::chrono::seconds(20))) {
    int64_t before = kernel_now_ns();
    int64_t ours = clock_now_ns(test.thread());
    int64_t after = kernel_now_ns();
    ASSERT_GE(ours, before - 250'000);
    ASSERT_LE(ours, after + 250'000);
  }
  EXPECT_NE(rate, 0u);
}

TEST(Clock, costs_little) {
  TestVolume test;
  uint64_t sum = 0;
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100000; i++) sum += static_cast<uint64_t>(clock_now_ns(test.thread()));
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  printf("clock: %.1f ns (%lu)\n", took.count() / 100000, sum & 1);
}

TEST(Clock, a_rate_that_damage_left_is_not_believed) {
  TestVolume test;
  test.volume.superblock().clock_rate = ~0ull;
  EXPECT_NEAR(static_cast<double>(clock_now_ns(test.thread())),
              static_cast<double>(kernel_now_ns()), 1e9);
}
}  // namespace
}  // namespace bt::engine
