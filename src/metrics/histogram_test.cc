// SPDX-License-Identifier: MIT
#include "metrics/histogram.h"

#include <gtest/gtest.h>

namespace bt::metrics {
namespace {

TEST(Histogram, every_bucket_begins_with_its_own_start) {
  for (uint32_t bucket = 0; bucket < kBuckets; bucket++)
    EXPECT_EQ(bucket_of(bucket_start(bucket)), bucket);
}

TEST(Histogram, a_value_before_a_start_falls_into_the_bucket_before) {
  for (uint32_t bucket = 1; bucket < kBuckets; bucket++)
    EXPECT_EQ(bucket_of(bucket_start(bucket) - 1), bucket - 1);
}

TEST(Histogram, widths_are_at_most_a_quarter_of_the_value) {
  for (uint32_t bucket = kSubBuckets; bucket + 1 < kBuckets; bucket++)
    EXPECT_LE((bucket_start(bucket + 1) - bucket_start(bucket)) * kSubBuckets,
              bucket_start(bucket));
}

TEST(Histogram, the_last_bucket_holds_everything_long) {
  EXPECT_EQ(bucket_of(UINT64_MAX), kBuckets - 1);
  EXPECT_EQ(bucket_of(1ull << 40), kBuckets - 1);
}

}  // namespace
}  // namespace bt::metrics
