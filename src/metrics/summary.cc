// SPDX-License-Identifier: MIT
#include "metrics/summary.h"

#include "metrics/meter.h"
#include "metrics/names.h"

namespace bt::metrics {

void Summary::add(const Block& block) {
  for (uint32_t operation = 0; operation < kOperations; operation++) {
    for (uint32_t way = 0; way < kWays; way++)
      counts[operation][way] += load_relaxed(block.counts[operation][way]);
    for (uint32_t path = 0; path < 2; path++)
      for (uint32_t bucket = 0; bucket < kBuckets; bucket++)
        latency[path][operation][bucket] +=
            __atomic_load_n(&block.latency[path][operation].count[bucket], __ATOMIC_RELAXED);
  }
  for (uint32_t event = 0; event < kEvents; event++)
    events[event] += load_relaxed(block.events[event]);
}

uint64_t Summary::total(Way way) const {
  uint64_t sum = 0;
  for (const auto& row : counts) sum += row[static_cast<uint32_t>(way)];
  return sum;
}

uint64_t Summary::passed(uint32_t operation) const {
  uint64_t sum = 0;
  for (uint32_t way = 0; way < kWays; way++)
    if (is_passed(way)) sum += counts[operation][way];
  return sum;
}

uint64_t Summary::passed() const {
  uint64_t sum = 0;
  for (uint32_t operation = 0; operation < kOperations; operation++) sum += passed(operation);
  return sum;
}

uint64_t samples(const uint64_t (&buckets)[kBuckets]) {
  uint64_t sum = 0;
  for (uint64_t count : buckets) sum += count;
  return sum;
}

uint64_t quantile(const uint64_t (&buckets)[kBuckets], uint32_t permille) {
  uint64_t all = samples(buckets);
  if (all == 0) return 0;
  uint64_t wanted = (all * permille + 999) / 1000;
  if (wanted == 0) wanted = 1;
  uint64_t seen = 0;
  for (uint32_t bucket = 0; bucket < kBuckets; bucket++) {
    seen += buckets[bucket];
    if (seen >= wanted) return (bucket_start(bucket) + bucket_start(bucket + 1)) / 2;
  }
  return bucket_start(kBuckets - 1);
}

namespace {
void add_up(const Block& block, uint64_t (&out)[3]) {
  out[0] = out[1] = out[2] = 0;
  for (uint32_t operation = 0; operation < kOperations; operation++)
    for (uint32_t way = 0; way < kWays; way++)
      out[way < 2 ? way : 2] += load_relaxed(block.counts[operation][way]);
}
}  // namespace

// Read first: that maps more than one page of the block at once, for a thread that has just come.
void begin_occupant(Block& block) {
  uint64_t counts[3];
  add_up(block, counts);
  for (uint32_t i = 0; i < 3; i++) block.baseline[i] = counts[i];
}

void occupant_counts(const Block& block, uint64_t (&out)[3]) {
  add_up(block, out);
  for (uint32_t i = 0; i < 3; i++) out[i] -= load_relaxed(block.baseline[i]);
}

}  // namespace bt::metrics
