// SPDX-License-Identifier: MIT
#include "cli/bench/samples.h"

#include <gtest/gtest.h>

namespace bt::cli::bench {
namespace {

TEST(Samples, medians_ratios_and_spread) {
  Samples samples;
  for (double value : {30.0, 10.0, 20.0}) samples.add("stat", Way::kInProcess, value);
  for (double value : {100.0, 300.0}) samples.add("stat", Way::kNative, value);
  EXPECT_DOUBLE_EQ(samples.median("stat", Way::kInProcess), 20);
  EXPECT_DOUBLE_EQ(samples.median("stat", Way::kNative), 200);
  EXPECT_DOUBLE_EQ(samples.ratio("stat", Way::kNative, Way::kInProcess), 10);
  EXPECT_DOUBLE_EQ(samples.spread("stat", Way::kInProcess), 1);
  EXPECT_EQ(samples.ratio("stat", Way::kKernel, Way::kInProcess), 0);
  EXPECT_FALSE(samples.has("open", Way::kNative));
}

}  // namespace
}  // namespace bt::cli::bench
