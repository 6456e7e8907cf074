// SPDX-License-Identifier: MIT
// A log-linear histogram of durations in clock ticks: four buckets to each power of two, so a bucket's width is at most a
// quarter of its value. One writer; readers may run beside it and see a count that is about to change.
#pragma once

#include <cstdint>

namespace bt::metrics {

inline constexpr uint32_t kSubBuckets = 4;
inline constexpr uint32_t kBuckets =
    128;  // the last one begins at 2^32 ticks, about a second, and holds all above

constexpr uint32_t bucket_of(uint64_t ticks) {
  if (ticks < kSubBuckets) return static_cast<uint32_t>(ticks);
  uint32_t exponent = 63 - static_cast<uint32_t>(__builtin_clzll(ticks));
  uint32_t bucket = (exponent - 1) * kSubBuckets + ((ticks >> (exponent - 2)) & (kSubBuckets - 1));
  return bucket < kBuckets ? bucket : kBuckets - 1;
}

// The smallest duration that falls into the bucket.
constexpr uint64_t bucket_start(uint32_t bucket) {
  if (bucket < kSubBuckets) return bucket;
  uint32_t exponent = bucket / kSubBuckets + 1;
  return (static_cast<uint64_t>(kSubBuckets) + bucket % kSubBuckets) << (exponent - 2);
}

struct Histogram {
  uint32_t count[kBuckets];  // atomic relaxed; the owner of the block writes
};

}  // namespace bt::metrics
