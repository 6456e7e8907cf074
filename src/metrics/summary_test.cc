// SPDX-License-Identifier: MIT
#include "metrics/summary.h"

#include <gtest/gtest.h>

#include <memory>

#include "metrics/meter.h"

namespace bt::metrics {
namespace {

TEST(Summary, adds_blocks_up) {
  auto a = std::make_unique<Block>(), b = std::make_unique<Block>();
  count(*a, Operation::k_open, Way::k_in_process);
  count(*b, Operation::k_open, Way::k_in_process);
  count(*b, Operation::k_open, Way::k_passed_unsupported);
  count(*b, Operation::k_map, Way::k_passed_other);
  count(*b, Operation::k_read, Way::k_fuse);
  count_event(*a, Event::k_bytes_read, 4096);
  count_event(*b, Event::k_bytes_read);
  auto summary = std::make_unique<Summary>();
  summary->add(*a);
  summary->add(*b);
  EXPECT_EQ(summary->total(Way::k_in_process), 2u);
  EXPECT_EQ(summary->total(Way::k_fuse), 1u);
  EXPECT_EQ(summary->passed(), 2u);
  EXPECT_EQ(summary->passed(static_cast<uint32_t>(Operation::k_open)), 1u);
  EXPECT_EQ(summary->events[static_cast<uint32_t>(Event::k_bytes_read)], 4097u);
}

TEST(Quantile, is_within_a_bucket_of_the_truth) {
  uint64_t buckets[kBuckets] = {};
  EXPECT_EQ(quantile(buckets, 500), 0u);
  for (uint64_t ticks = 1; ticks <= 1000; ticks++) buckets[bucket_of(ticks)]++;
  EXPECT_NEAR(static_cast<double>(quantile(buckets, 500)), 500, 125);
  EXPECT_NEAR(static_cast<double>(quantile(buckets, 990)), 990, 250);
  EXPECT_LE(quantile(buckets, 0), 2u);
}

TEST(Occupant, counts_begin_when_it_comes) {
  auto block = std::make_unique<Block>();
  for (int i = 0; i < 5; i++) count(*block, Operation::k_stat, Way::k_in_process);
  begin_occupant(*block);
  count(*block, Operation::k_stat, Way::k_in_process);
  count(*block, Operation::k_stat, Way::k_passed_in_signal);
  uint64_t counts[3];
  occupant_counts(*block, counts);
  EXPECT_EQ(counts[0], 1u);
  EXPECT_EQ(counts[1], 0u);
  EXPECT_EQ(counts[2], 1u);
}

}  // namespace
}  // namespace bt::metrics
