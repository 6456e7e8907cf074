// SPDX-License-Identifier: MIT
// Reading: blocks are added up into a Summary, which every view (stat, top, dashboard, Prometheus) is made from. Its memory is
// the caller's, about 100 KiB.
#pragma once

#include "metrics/block.h"

namespace bt::metrics {

struct Summary {
  uint64_t counts[kOperations][kWays] = {};
  uint64_t events[kEvents] = {};
  // Sampled durations in clock ticks: of calls served in-process, of requests of the kernel.
  uint64_t latency[2][kOperations][kBuckets] = {};

  // Adds a block in use or once used.
  void add(const Block& block);

  uint64_t total(Way way) const;
  uint64_t passed(uint32_t operation) const;
  uint64_t passed() const;
};

// The duration below which `permille` thousandths of the samples lie, in ticks: the middle of its bucket; 0 without samples.
uint64_t quantile(const uint64_t (&buckets)[kBuckets], uint32_t permille);
uint64_t samples(const uint64_t (&buckets)[kBuckets]);

// When a slot changes hands: remembers the counts so far, so that the newcomer's own can be told.
void begin_occupant(Block& block);
// in-process, fuse and passed calls of the present occupant.
void occupant_counts(const Block& block, uint64_t (&out)[3]);

}  // namespace bt::metrics
