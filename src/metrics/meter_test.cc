// SPDX-License-Identifier: MIT
#include "metrics/meter.h"

#include <gtest/gtest.h>

#include <memory>

#include "metrics/summary.h"

namespace bt::metrics {
namespace {

struct MeterTest : testing::Test {
  std::unique_ptr<Block> block = std::make_unique<Block>();
  uint64_t deadline = 0;

  void call(Operation operation, Way way) {
    Meter meter(*block, deadline);
    meter.served(operation, way);
  }
  void trace_until(uint64_t ticks) {
    deadline = ticks;
    tell_of_tracing(*block);
  }
  uint64_t timed(Operation operation, bool kernel_path) {
    uint64_t sum = 0;
    for (uint32_t count : block->latency[kernel_path][static_cast<uint32_t>(operation)].count)
      sum += count;
    return sum;
  }
};

TEST_F(MeterTest, counts_every_call_and_times_one_in_251) {
  for (int i = 0; i < 25100; i++) call(Operation::k_stat, Way::k_in_process);
  EXPECT_EQ(block->counts[static_cast<int>(Operation::k_stat)][0], 25100u);
  EXPECT_EQ(timed(Operation::k_stat, false), 100u);
  EXPECT_EQ(timed(Operation::k_stat, true), 0u);
}

TEST_F(MeterTest, times_every_call_until_the_deadline) {
  call(Operation::k_read, Way::k_fuse);  // the first is timed
  trace_until(UINT64_MAX);
  for (int i = 0; i < 100; i++) call(Operation::k_read, Way::k_fuse);
  EXPECT_EQ(timed(Operation::k_read, true), 101u);
  trace_until(1);
  for (int i = 0; i < kSampleEvery; i++) call(Operation::k_read, Way::k_fuse);
  EXPECT_EQ(timed(Operation::k_read, true), 102u);
}

TEST_F(MeterTest, calls_passed_on_are_counted_but_not_timed) {
  trace_until(UINT64_MAX);
  call(Operation::k_map, Way::k_passed_unsupported);
  EXPECT_EQ(block->counts[static_cast<int>(Operation::k_map)]
                         [static_cast<int>(Way::k_passed_unsupported)],
            1u);
  EXPECT_EQ(timed(Operation::k_map, false), 0u);
}

TEST_F(MeterTest, tells_whether_somebody_traces) {
  EXPECT_FALSE(Meter(*block, deadline).traced());
  trace_until(UINT64_MAX);
  EXPECT_TRUE(Meter(*block, deadline).traced());
  trace_until(1);  // long past
  EXPECT_FALSE(Meter(*block, deadline).traced());
  EXPECT_EQ(begin_timing_late(deadline, 5), 0u);
}

}  // namespace
}  // namespace bt::metrics
