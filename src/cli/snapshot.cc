// SPDX-License-Identifier: MIT
#include "cli/snapshot.h"

#include <sys/stat.h>
#include <time.h>

#include "metrics/incidents.h"
#include "metrics/meter.h"
#include "metrics/names.h"

namespace bt::cli {
namespace {

using metrics::Way;

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

const char* state_word(const format::Superblock& superblock) {
  if (superblock.state != format::kVolumeServing) return "gone";
  return superblock.frozen ? "damaged, refuses changes" : "serving";
}

uint64_t resident_bytes_of(const registry::MountRecord& mount) {
  std::string path = "/proc/" + std::to_string(mount.daemon_pid) + "/fd/" +
                     std::to_string(mount.volume_descriptor);
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_blocks) * 512 : 0;
}

void put_latency(JsonWriter& json, const Snapshot& snapshot, uint32_t operation) {
  json.key("latency_ns");
  json.begin_object();
  for (uint32_t path = 0; path < 2; path++) {
    uint64_t samples = metrics::samples(snapshot.summary.latency[path][operation]);
    if (samples == 0) continue;
    json.key(metrics::way_name(path));
    json.begin_object();
    json.member("samples", samples);
    json.member("p50", snapshot.latency_ns(path, operation, 500));
    json.member("p90", snapshot.latency_ns(path, operation, 900));
    json.member("p99", snapshot.latency_ns(path, operation, 990));
    json.member("max", snapshot.latency_ns(path, operation, 1000));
    json.end_object();
  }
  json.end_object();
}

void put_operation(JsonWriter& json, const Snapshot& snapshot, uint32_t operation) {
  uint64_t in_process = snapshot.count(operation, Way::k_in_process);
  uint64_t passed = snapshot.summary.passed(operation);
  json.key(metrics::operation_name(operation));
  json.begin_object();
  put_ways(json, "", in_process, passed, snapshot.count(operation, Way::k_fuse));
  put_share(json, "in_process_share", in_process_share(in_process, passed));
  json.key("reasons");
  json.begin_object();
  for (uint32_t way = 0; way < metrics::kWays; way++)
    if (metrics::is_passed(way) && snapshot.summary.counts[operation][way])
      json.member(metrics::way_name(way), snapshot.summary.counts[operation][way]);
  json.end_object();
  put_latency(json, snapshot, operation);
  json.end_object();
}

void put_totals(JsonWriter& json, const Snapshot& snapshot) {
  json.key("calls");
  json.begin_object();
  uint64_t in_process = snapshot.total(Way::k_in_process), passed = snapshot.summary.passed();
  put_ways(json, "", in_process, passed, snapshot.total(Way::k_fuse));
  put_share(json, "in_process_share", in_process_share(in_process, passed));
  json.end_object();
  json.key("reasons");
  json.begin_object();
  for (uint32_t way = 0; way < metrics::kWays; way++)
    if (metrics::is_passed(way))
      json.member(metrics::way_name(way), snapshot.total(static_cast<Way>(way)));
  json.end_object();
  json.key("events");
  json.begin_object();
  for (uint32_t event = 0; event < metrics::kEvents; event++)
    json.member(metrics::event_name(event), snapshot.summary.events[event]);
  json.end_object();
}

void put_sessions(JsonWriter& json, const Snapshot& snapshot) {
  json.key("sessions");
  json.begin_array();
  for (const SessionView& session : snapshot.sessions) {
    json.begin_object();
    put_session_members(json, session);
    put_ways(json, "", session.calls[0], session.calls[2], session.calls[1]);
    json.end_object();
  }
  json.end_array();
}

// Calls that are answered from the cache or make the origin be asked.
constexpr metrics::Operation kMayMiss[] = {
    metrics::Operation::k_lookup, metrics::Operation::k_open,      metrics::Operation::k_read,
    metrics::Operation::k_stat,   metrics::Operation::k_access,    metrics::Operation::k_read_link,
    metrics::Operation::k_list,   metrics::Operation::k_get_xattr, metrics::Operation::k_list_xattr,
};

CacheView cache_of(VolumeView& view, const metrics::Summary& summary) {
  CacheView cache;
  const format::Superblock& superblock = view.volume().superblock();
  cache.budget_bytes = metrics::load_relaxed(view.control().cache_budget);
  if (!superblock.origin_mode) return cache;
  cache.dirty_bytes = metrics::load_relaxed(superblock.dirty_pages) * format::kPageSizeBytes;
  uint64_t asked = 0;
  for (metrics::Operation operation : kMayMiss)
    for (Way way : {Way::k_in_process, Way::k_fuse})
      asked += summary.counts[static_cast<uint32_t>(operation)][static_cast<uint32_t>(way)];
  using metrics::Event;
  for (Event event : {Event::k_attribute_misses, Event::k_name_misses, Event::k_page_misses,
                      Event::k_xattr_misses})
    cache.misses += summary.events[static_cast<uint32_t>(event)];
  cache.hits = asked > cache.misses ? asked - cache.misses : 0;
  return cache;
}

std::vector<IncidentView> incidents_of(VolumeView& view, double ticks_per_ns) {
  std::vector<IncidentView> incidents;
  const metrics::Control& control = view.control();
  uint64_t last = metrics::load_relaxed(control.incident_count), now_ticks = metrics::clock_ticks();
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t now_ns =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  for (uint64_t number = last > metrics::kIncidentsMax ? last - metrics::kIncidentsMax + 1 : 1;
       number <= last; number++) {
    metrics::Incident incident{};
    if (!metrics::read_incident(control, number, incident)) continue;
    double ago_ns = static_cast<double>(now_ticks - incident.ticks) / ticks_per_ns;
    incidents.push_back({number, now_ns - static_cast<uint64_t>(ago_ns),
                         metrics::incident_name(incident.kind), incident.who, incident.by,
                         incident.detail});
  }
  return incidents;
}

}  // namespace

void put_share(JsonWriter& json, const char* name, double share) {
  json.key(name);
  if (share < 0)
    json.null();
  else
    json.value(share);
}

void put_session_members(JsonWriter& json, const SessionView& session) {
  json.member("pid", session.pid);
  json.member("program", session.name);
  json.member("uid", session.uid);
  json.member("daemon", session.is_daemon);
  json.member("threads", session.threads);
  json.member("descriptors", session.descriptors);
}

void put_cache(JsonWriter& json, const CacheView& cache, uint64_t used_bytes) {
  if (!cache.budget_bytes) return json.null();
  json.begin_object();
  json.member("budget_bytes", cache.budget_bytes);
  json.member("used_bytes", used_bytes);
  json.member("dirty_bytes", cache.dirty_bytes);
  json.member("hits", cache.hits);
  json.member("misses", cache.misses);
  put_share(json, "hit_ratio", cache.hit_ratio());
  json.end_object();
}

void put_incidents(JsonWriter& json, const std::vector<IncidentView>& incidents) {
  json.begin_array();
  for (const IncidentView& incident : incidents) {
    json.begin_object();
    json.member("number", incident.number);
    json.member("time_ns", incident.time_ns);
    json.member("kind", incident.kind);
    json.member("pid", incident.who);
    json.member("repaired_by", incident.by);
    json.member("detail", incident.detail);
    json.end_object();
  }
  json.end_array();
}

double Snapshot::latency_ns(uint32_t path, uint32_t operation, uint32_t permille) const {
  return static_cast<double>(metrics::quantile(summary.latency[path][operation], permille)) /
         ticks_per_ns;
}

double in_process_share(uint64_t in_process, uint64_t passed) {
  return in_process + passed
             ? static_cast<double>(in_process) / static_cast<double>(in_process + passed)
             : -1;
}

Snapshot take_snapshot(VolumeView& view) {
  const format::Superblock& superblock = view.volume().superblock();
  Snapshot snapshot;
  snapshot.mount_point = view.mount_point();
  snapshot.state = state_word(superblock);
  snapshot.daemon_pid = superblock.daemon_pid;
  snapshot.time_ns = monotonic_ns();
  snapshot.ticks_per_ns = view.ticks_per_ns();
  snapshot.statistics = view.statistics();
  snapshot.resident_bytes = resident_bytes_of(view.mount());
  snapshot.sessions = view.sessions();
  view.read_summary(snapshot.summary);
  snapshot.cache = cache_of(view, snapshot.summary);
  snapshot.incidents = incidents_of(view, snapshot.ticks_per_ns);
  snapshot.hooks = loaded_objects();
  return snapshot;
}

void put_state_members(JsonWriter& json, const Snapshot& snapshot) {
  json.member("mountpoint", snapshot.mount_point);
  json.member("state", snapshot.state);
  json.member("used_bytes", snapshot.used_bytes());
  json.member("size_bytes", snapshot.size_bytes());
  json.member("resident_bytes", snapshot.resident_bytes);
  json.key("cache");
  put_cache(json, snapshot.cache, snapshot.used_bytes());
  json.key("incidents");
  put_incidents(json, snapshot.incidents);
  json.key("hooks");
  put_loaded_objects(json, snapshot.hooks);
}

void put_snapshot_members(JsonWriter& json, const Snapshot& snapshot) {
  put_state_members(json, snapshot);
  json.member("daemon_pid", snapshot.daemon_pid);
  json.member("time_ns", snapshot.time_ns);
  json.member("free_bytes", snapshot.size_bytes() - snapshot.used_bytes());
  json.member("inodes", snapshot.statistics.inodes);
  json.member("inodes_free", snapshot.statistics.inodes_free);
  put_totals(json, snapshot);
  json.key("operations");
  json.begin_object();
  for (uint32_t operation = 0; operation < metrics::kOperations; operation++)
    put_operation(json, snapshot, operation);
  json.end_object();
  put_sessions(json, snapshot);
}

}  // namespace bt::cli
