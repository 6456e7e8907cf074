// SPDX-License-Identifier: MIT
#include "cli/snapshot.h"

#include <sys/stat.h>
#include <time.h>

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

void put_share(JsonWriter& json, uint64_t in_process, uint64_t passed) {
  json.key("in_process_share");
  double part = in_process_share(in_process, passed);
  if (part < 0)
    json.null();
  else
    json.value(part);
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
  json.member("in_process", in_process);
  json.member("passed", passed);
  json.member("fuse", snapshot.count(operation, Way::k_fuse));
  put_share(json, in_process, passed);
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
  json.member("in_process", snapshot.total(Way::k_in_process));
  json.member("passed", snapshot.summary.passed());
  json.member("fuse", snapshot.total(Way::k_fuse));
  put_share(json, snapshot.total(Way::k_in_process), snapshot.summary.passed());
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
    json.member("pid", session.pid);
    json.member("program", session.name);
    json.member("uid", session.uid);
    json.member("daemon", session.is_daemon);
    json.member("threads", session.threads);
    json.member("descriptors", session.descriptors);
    json.member("in_process", session.calls[0]);
    json.member("fuse", session.calls[1]);
    json.member("passed", session.calls[2]);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

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
  return snapshot;
}

void put_snapshot_members(JsonWriter& json, const Snapshot& snapshot) {
  json.member("mountpoint", snapshot.mount_point);
  json.member("state", snapshot.state);
  json.member("daemon_pid", snapshot.daemon_pid);
  json.member("time_ns", snapshot.time_ns);
  json.member("size_bytes", snapshot.statistics.blocks * format::kPageSizeBytes);
  json.member("free_bytes", snapshot.statistics.blocks_free * format::kPageSizeBytes);
  json.member("resident_bytes", snapshot.resident_bytes);
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
