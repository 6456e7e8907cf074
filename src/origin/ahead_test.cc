// SPDX-License-Identifier: MIT
#include "origin/ahead.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>

#include "engine/test_volume.h"

namespace bt::origin {
namespace {

constexpr uint64_t kKilo = 1 << 10, kMega = 1 << 20;

TEST(Ahead, a_quarter_of_what_is_in_use_within_bounds) {
  format::Region region{0, 1 << 20};
  uint32_t fresh = 1;
  Table table{&region, 256, &fresh, 4 * kMega};
  EXPECT_EQ(wanted_bytes(table, UINT64_MAX), 256 * kKilo);
  fresh = 8 * kMega / 256;
  EXPECT_EQ(wanted_bytes(table, UINT64_MAX), 10 * kMega);
  fresh = 100 * kMega / 256;
  EXPECT_EQ(wanted_bytes(table, UINT64_MAX), 104 * kMega);
}

TEST(Ahead, neither_beyond_the_table_nor_beyond_the_limit) {
  format::Region region{0, 1 << 20};
  uint32_t fresh = (1 << 20) - 1;
  Table table{&region, 256, &fresh, 4 * kMega};
  EXPECT_EQ(wanted_bytes(table, UINT64_MAX), 256 * kMega);
  fresh = 40 * kMega / 256;
  EXPECT_EQ(wanted_bytes(table, 41 * kMega), 41 * kMega);
  EXPECT_LT(wanted_bytes(table, 10 * kMega), 40 * kMega);
}

TEST(Ahead, memory_is_there_before_the_records_are_used) {
  engine::TestVolume test;
  const format::Geometry& g = test.volume.geometry();
  char* first = test.volume.base() + g.inodes.offset;
  Ahead ahead(test.volume);
  unsigned char resident[32] = {};
  auto is_there = [&] {
    return mincore(first + 4096, sizeof resident * 4096, resident) == 0 && (resident[31] & 1);
  };
  for (int tries = 0; tries < 3000 && !is_there(); tries++)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (madvise(first, 4096, 23) != 0) GTEST_SKIP() << "a kernel without MADV_POPULATE_WRITE";
  EXPECT_TRUE(is_there());
}

}  // namespace
}  // namespace bt::origin
