// SPDX-License-Identifier: MIT
// Everything there is to see of a mount at one moment. Every view (stat, top, dash, Prometheus) is made from it, so that
// they agree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/json_writer.h"
#include "cli/volume_view.h"
#include "metrics/summary.h"

namespace bt::cli {

struct Snapshot {
  std::string mount_point;
  const char* state = "";  // "serving" or what else; a literal
  uint32_t daemon_pid = 0;
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  double ticks_per_ns = 1;
  engine::VolumeStatistics statistics{};
  uint64_t resident_bytes = 0;  // memory that the volume holds, as the kernel counts it
  std::vector<SessionView> sessions;
  metrics::Summary summary;

  uint64_t total(metrics::Way way) const { return summary.total(way); }
  uint64_t count(uint32_t operation, metrics::Way way) const {
    return summary.counts[operation][static_cast<uint32_t>(way)];
  }
  // Nanoseconds below which `permille` thousandths of the sampled calls lie; path 0: in-process, 1: for the kernel.
  double latency_ns(uint32_t path, uint32_t operation, uint32_t permille) const;
};

Snapshot take_snapshot(VolumeView& view);

// Of the calls of served programs on this volume, the part that was answered in-process; -1 when there were none.
double in_process_share(uint64_t in_process, uint64_t passed);

// The members of the object that `stat --json` prints and the dashboard's events carry; the braces are the caller's.
void put_snapshot_members(JsonWriter& json, const Snapshot& snapshot);

}  // namespace bt::cli
