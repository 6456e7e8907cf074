// SPDX-License-Identifier: MIT
// btfuse stat: what a volume holds, who works on it, and how its calls were served. Everything comes out of the volume; the
// daemon is not asked.
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <string>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/snapshot.h"
#include "metrics/names.h"

namespace bt::cli {
namespace {

using metrics::Way;

std::string percent(uint64_t in_process, uint64_t passed) {
  double part = in_process_share(in_process, passed);
  if (part < 0) return "-";
  char text[16];
  std::snprintf(text, sizeof text, "%.2f %%", part * 100);
  return text;
}

std::string latency_cell(const Snapshot& snapshot, uint32_t path, uint32_t operation,
                         uint32_t permille) {
  if (metrics::samples(snapshot.summary.latency[path][operation]) == 0) return "-";
  char text[24];
  std::snprintf(text, sizeof text, "%.0f", snapshot.latency_ns(path, operation, permille));
  return text;
}

void print_operations(const Snapshot& snapshot) {
  std::printf("\n%-18s %12s %10s %9s %12s %9s %9s %10s %10s\n", "operation", "in-process",
              "passed on", "share", "kernel path", "p50 ns", "p99 ns", "k p50 ns", "k p99 ns");
  for (uint32_t operation = 0; operation < metrics::kOperations; operation++) {
    uint64_t in_process = snapshot.count(operation, Way::k_in_process);
    uint64_t passed = snapshot.summary.passed(operation),
             fuse = snapshot.count(operation, Way::k_fuse);
    if (in_process + passed + fuse == 0) continue;
    std::printf("%-18s %12" PRIu64 " %10" PRIu64 " %9s %12" PRIu64 " %9s %9s %10s %10s\n",
                metrics::operation_name(operation), in_process, passed,
                percent(in_process, passed).c_str(), fuse,
                latency_cell(snapshot, 0, operation, 500).c_str(),
                latency_cell(snapshot, 0, operation, 990).c_str(),
                latency_cell(snapshot, 1, operation, 500).c_str(),
                latency_cell(snapshot, 1, operation, 990).c_str());
  }
}

void print_cache(const Snapshot& snapshot) {
  const CacheView& cache = snapshot.cache;
  if (!cache.budget_bytes) return;
  std::printf("cache     %s of a budget of %s, %s dirty; %" PRIu64 " hits, %" PRIu64
              " misses (%s hits)\n",
              format_size(snapshot.used_bytes()).c_str(), format_size(cache.budget_bytes).c_str(),
              format_size(cache.dirty_bytes).c_str(), cache.hits, cache.misses,
              percent(cache.hits, cache.misses).c_str());
}

void print_incidents(const Snapshot& snapshot) {
  if (!snapshot.incidents.empty()) std::puts("\nincidents");
  for (const IncidentView& incident : snapshot.incidents) {
    time_t seconds = static_cast<time_t>(incident.time_ns / 1'000'000'000);
    tm local{};
    localtime_r(&seconds, &local);
    char time[32];
    std::strftime(time, sizeof time, "%F %T", &local);
    std::printf("%8" PRIu64 "  %s  %s, pid %u, by %u, %u\n", incident.number, time, incident.kind,
                incident.who, incident.by, incident.detail);
  }
}

void print_hooks(const Snapshot& snapshot) {
  if (!snapshot.hooks.empty()) std::puts("\neBPF programs of this user");
  for (const LoadedObjectView& object : snapshot.hooks) {
    std::printf("%12" PRIu64 "  %s\n", object.id, object.name.c_str());
    for (const LoadedProgramView& program : object.programs)
      std::printf("              %s: %s, %u instructions\n", program.name.c_str(),
                  program.attach.c_str(), program.instructions);
    for (const LoadedMapView& map : object.maps)
      std::printf("              map %s: %s, %" PRIu64 " of %u used\n", map.name.c_str(),
                  map.type.c_str(), map.used, map.max_entries);
  }
}

void print_text(const Snapshot& snapshot) {
  std::printf("%s: %s, daemon %u\n", snapshot.mount_point.c_str(), snapshot.state,
              snapshot.daemon_pid);
  std::printf("data      %s of %s used\n", format_size(snapshot.used_bytes()).c_str(),
              format_size(snapshot.size_bytes()).c_str());
  std::printf("inodes    %" PRIu64 " of %" PRIu64 " used\n",
              snapshot.statistics.inodes - snapshot.statistics.inodes_free,
              snapshot.statistics.inodes);
  uint64_t in_process = snapshot.summary.total(Way::k_in_process),
           passed = snapshot.summary.passed();
  std::printf("calls     %" PRIu64 " in-process, %" PRIu64 " passed on (%s in-process); %" PRIu64
              " requests of the kernel\n",
              in_process, passed, percent(in_process, passed).c_str(),
              snapshot.summary.total(Way::k_fuse));
  print_cache(snapshot);
  print_operations(snapshot);
  if (passed) std::puts("\npassed on because");
  for (uint32_t way = 0; way < metrics::kWays; way++)
    if (metrics::is_passed(way) && snapshot.summary.total(static_cast<Way>(way)))
      std::printf("%12" PRIu64 "  %s\n", snapshot.summary.total(static_cast<Way>(way)),
                  metrics::way_text(way));
  std::puts("\nevents");
  for (uint32_t event = 0; event < metrics::kEvents; event++)
    if (snapshot.summary.events[event])
      std::printf("%12" PRIu64 "  %s\n", snapshot.summary.events[event],
                  metrics::event_text(event));
  std::puts("\nsessions");
  for (const SessionView& session : snapshot.sessions)
    std::printf("%12u  %-16s %u threads, %u descriptors, %" PRIu64 " in-process, %" PRIu64
                " passed on%s\n",
                session.pid, session.name.c_str(), session.threads, session.descriptors,
                session.calls[0], session.calls[2], session.is_daemon ? " (daemon)" : "");
  print_incidents(snapshot);
  print_hooks(snapshot);
}

}  // namespace

int cmd_stat(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  VolumeView view(arguments.words(1, 1)[0]);
  Snapshot snapshot = take_snapshot(view);
  if (!as_json) {
    print_text(snapshot);
    return 0;
  }
  JsonWriter json;
  json.begin_object();
  put_snapshot_members(json, snapshot);
  json.end_object();
  std::puts(json.text().c_str());
  return 0;
}

}  // namespace bt::cli
