// SPDX-License-Identifier: MIT
// What happened between two snapshots of a mount, per second. Latencies are those of the interval, not of the volume's life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/snapshot.h"

namespace bt::cli::top {

struct OperationRate {
  uint32_t operation = 0;
  double in_process = 0, passed = 0, fuse = 0;  // calls a second
  double p50_ns = 0, p99_ns = 0;                // in-process; 0 = no sample
  double fuse_p50_ns = 0, fuse_p99_ns = 0;
  double all() const { return in_process + passed + fuse; }
};

struct SessionRate {
  SessionView session;
  double in_process = 0, passed = 0, fuse = 0;
  double all() const { return in_process + passed + fuse; }
};

struct ReasonRate {
  uint32_t way = 0;
  double calls = 0;
};

struct Rates {
  double seconds = 0;
  double in_process = 0, passed = 0, fuse = 0;
  double share = -1;                      // of served programs' calls in this interval; -1 = none
  double hit_ratio = -1;                  // of this interval; -1 = no cache, or nothing asked
  std::vector<OperationRate> operations;  // only those that happened, busiest first
  std::vector<SessionRate> sessions;      // all, busiest first
  std::vector<ReasonRate> reasons;        // only those that happened, most frequent first
};

Rates rates_between(const Snapshot& before, const Snapshot& after);

}  // namespace bt::cli::top
