// SPDX-License-Identifier: MIT
#include "cli/top/rates.h"

#include <gtest/gtest.h>

#include <memory>

namespace bt::cli::top {
namespace {

using metrics::Operation;
using metrics::Way;

struct RatesTest : testing::Test {
  std::unique_ptr<Snapshot> before = std::make_unique<Snapshot>(),
                            after = std::make_unique<Snapshot>();

  static void count(Snapshot& snapshot, Operation operation, Way way, uint64_t calls) {
    snapshot.summary.counts[static_cast<uint32_t>(operation)][static_cast<uint32_t>(way)] += calls;
  }
  static SessionView session(uint32_t pid, uint64_t in_process) {
    SessionView view{};
    view.index = pid;
    view.pid = pid;
    view.name = "p";
    view.calls[0] = in_process;
    return view;
  }
  void SetUp() override { after->time_ns = 2'000'000'000; }
};

TEST_F(RatesTest, are_differences_by_the_second) {
  count(*before, Operation::k_open, Way::k_in_process, 1000);
  count(*after, Operation::k_open, Way::k_in_process, 1600);
  count(*after, Operation::k_open, Way::k_passed_unsupported, 200);
  count(*after, Operation::k_read, Way::k_fuse, 10);
  Rates rates = rates_between(*before, *after);
  EXPECT_DOUBLE_EQ(rates.in_process, 300);
  EXPECT_DOUBLE_EQ(rates.passed, 100);
  EXPECT_DOUBLE_EQ(rates.fuse, 5);
  EXPECT_DOUBLE_EQ(rates.share, 0.75);
  ASSERT_EQ(rates.operations.size(), 2u);
  EXPECT_EQ(rates.operations[0].operation, static_cast<uint32_t>(Operation::k_open));
  ASSERT_EQ(rates.reasons.size(), 1u);
  EXPECT_DOUBLE_EQ(rates.reasons[0].calls, 100);
}

TEST_F(RatesTest, of_nothing_are_nothing) {
  Rates rates = rates_between(*before, *after);
  EXPECT_EQ(rates.share, -1);
  EXPECT_TRUE(rates.operations.empty());
}

TEST_F(RatesTest, latencies_are_those_of_the_interval) {
  auto read = static_cast<uint32_t>(Operation::k_read);
  before->summary.latency[0][read][metrics::bucket_of(1000000)] = 50;
  *after = *before;
  after->time_ns = 1'000'000'000;
  count(*after, Operation::k_read, Way::k_in_process, 64);
  after->summary.latency[0][read][metrics::bucket_of(100)] = 10;
  Rates rates = rates_between(*before, *after);
  ASSERT_EQ(rates.operations.size(), 1u);
  EXPECT_LT(rates.operations[0].p99_ns, 200);
}

TEST_F(RatesTest, hit_ratio_is_that_of_the_interval_and_of_caches_alone) {
  before->cache = {1 << 20, 0, 100, 100};
  after->cache = {1 << 20, 0, 190, 110};
  EXPECT_DOUBLE_EQ(rates_between(*before, *after).hit_ratio, 0.9);
  after->cache.budget_bytes = 0;
  EXPECT_EQ(rates_between(*before, *after).hit_ratio, -1);
}

TEST_F(RatesTest, sessions_are_sorted_by_load_and_newcomers_count_from_zero) {
  before->sessions = {session(1, 1000)};
  after->sessions = {session(1, 1100), session(2, 500)};
  Rates rates = rates_between(*before, *after);
  ASSERT_EQ(rates.sessions.size(), 2u);
  EXPECT_EQ(rates.sessions[0].session.pid, 2u);
  EXPECT_DOUBLE_EQ(rates.sessions[0].in_process, 250);
  EXPECT_DOUBLE_EQ(rates.sessions[1].in_process, 50);
}

}  // namespace
}  // namespace bt::cli::top
