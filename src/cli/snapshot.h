// SPDX-License-Identifier: MIT
// Everything there is to see of a mount at one moment. Every view (stat, top, dash, Prometheus) is made from it, so that
// they agree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/hook/loaded.h"
#include "cli/json_writer.h"
#include "cli/volume_view.h"
#include "metrics/summary.h"

namespace bt::cli {

// A directory's cache. A call that had to ask the origin is a miss, as often as it asked; hits are the other calls of the kinds
// that could have missed (kMayMiss in snapshot.cc).
struct CacheView {
  uint64_t budget_bytes = 0;  // what the keeper allows now; 0: the volume is no cache
  uint64_t dirty_bytes = 0;   // about: written here, not yet at the origin
  uint64_t hits = 0, misses = 0;
  double hit_ratio() const {  // -1: nothing was asked yet
    return hits + misses ? static_cast<double>(hits) / static_cast<double>(hits + misses) : -1;
  }
};

// One of the volume's incidents (metrics/incidents.h).
struct IncidentView {
  uint64_t number = 0;
  uint64_t time_ns = 0;  // CLOCK_REALTIME
  const char* kind = "";
  uint32_t who = 0, by = 0, detail = 0;
};

struct Snapshot {
  std::string mount_point;
  const char* state = "";  // "serving" or what else; a literal
  uint32_t daemon_pid = 0;
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  double ticks_per_ns = 1;
  engine::VolumeStatistics statistics{};
  uint64_t resident_bytes = 0;  // memory that the volume holds, as the kernel counts it
  CacheView cache;
  std::vector<IncidentView> incidents;  // oldest first, of those that are kept
  std::vector<LoadedObjectView> hooks;
  std::vector<SessionView> sessions;
  metrics::Summary summary;

  uint64_t size_bytes() const { return statistics.blocks * format::kPageSizeBytes; }
  uint64_t used_bytes() const {
    return (statistics.blocks - statistics.blocks_free) * format::kPageSizeBytes;
  }

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

// Pieces that all views write in the same words; `unit`: "" for counts, "_per_second" for rates.
template <typename Number>
void put_ways(JsonWriter& json, const std::string& unit, Number in_process, Number passed,
              Number fuse) {
  json.member("in_process" + unit, in_process);
  json.member("passed" + unit, passed);
  json.member("fuse" + unit, fuse);
}
void put_share(JsonWriter& json, const char* name, double share);  // null for -1
void put_session_members(JsonWriter& json, const SessionView& session);
void put_cache(JsonWriter& json, const CacheView& cache, uint64_t used_bytes);
void put_incidents(JsonWriter& json, const std::vector<IncidentView>& incidents);
// The sizes, the cache, incidents and loaded programs: what is the same now whatever the interval.
void put_state_members(JsonWriter& json, const Snapshot& snapshot);

// The members of the object that `stat --json` prints and the dashboard's events carry; the braces are the caller's.
void put_snapshot_members(JsonWriter& json, const Snapshot& snapshot);

}  // namespace bt::cli
