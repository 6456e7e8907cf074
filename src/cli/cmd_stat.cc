// SPDX-License-Identifier: MIT
// btfuse stat: what a volume holds, who works on it, and how its calls were served. Everything comes out of the volume; the
// daemon is not asked.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/volume_view.h"
#include "metrics/names.h"

namespace bt::cli {
namespace {

using metrics::Way;

struct State {
  VolumeView& view;
  engine::VolumeStatistics statistics;
  std::vector<SessionView> sessions;
  std::unique_ptr<metrics::Summary> summary;
  double ticks_per_ns;
};

uint64_t count_of(const State& state, uint32_t operation, Way way) {
  return state.summary->counts[operation][static_cast<uint32_t>(way)];
}

// Of the calls of served programs on this volume, the part that was answered in-process; -1 when there were none.
double share(uint64_t in_process, uint64_t passed) {
  return in_process + passed
             ? static_cast<double>(in_process) / static_cast<double>(in_process + passed)
             : -1;
}

double latency_ns(const State& state, int path, uint32_t operation, uint32_t permille) {
  return static_cast<double>(metrics::quantile(state.summary->latency[path][operation], permille)) /
         state.ticks_per_ns;
}

const char* state_word(const format::Superblock& superblock) {
  if (superblock.state != format::kVolumeServing) return "gone";
  return superblock.frozen ? "damaged, refuses changes" : "serving";
}

void write_share(JsonWriter& json, uint64_t in_process, uint64_t passed) {
  json.key("in_process_share");
  double part = share(in_process, passed);
  if (part < 0)
    json.null();
  else
    json.value(part);
}

void write_latency(JsonWriter& json, const State& state, uint32_t operation) {
  json.key("latency_ns");
  json.begin_object();
  for (int path = 0; path < 2; path++) {
    uint64_t samples = metrics::samples(state.summary->latency[path][operation]);
    if (samples == 0) continue;
    json.key(metrics::way_name(static_cast<uint32_t>(path)));
    json.begin_object();
    json.member("samples", samples);
    json.member("p50", latency_ns(state, path, operation, 500));
    json.member("p90", latency_ns(state, path, operation, 900));
    json.member("p99", latency_ns(state, path, operation, 990));
    json.member("max", latency_ns(state, path, operation, 1000));
    json.end_object();
  }
  json.end_object();
}

void write_operations(JsonWriter& json, const State& state) {
  json.key("operations");
  json.begin_object();
  for (uint32_t operation = 0; operation < metrics::kOperations; operation++) {
    json.key(metrics::operation_name(operation));
    json.begin_object();
    uint64_t in_process = count_of(state, operation, Way::k_in_process);
    uint64_t passed = state.summary->passed(operation);
    json.member("in_process", in_process);
    json.member("passed", passed);
    json.member("fuse", count_of(state, operation, Way::k_fuse));
    write_share(json, in_process, passed);
    json.key("reasons");
    json.begin_object();
    for (uint32_t way = 0; way < metrics::kWays; way++)
      if (metrics::is_passed(way) && state.summary->counts[operation][way])
        json.member(metrics::way_name(way), state.summary->counts[operation][way]);
    json.end_object();
    write_latency(json, state, operation);
    json.end_object();
  }
  json.end_object();
}

void write_volume(JsonWriter& json, const State& state) {
  const format::Superblock& superblock = state.view.volume().superblock();
  json.member("mountpoint", state.view.mount_point());
  json.member("state", state_word(superblock));
  json.member("daemon_pid", superblock.daemon_pid);
  json.member("size_bytes", state.statistics.blocks * format::kPageSizeBytes);
  json.member("free_bytes", state.statistics.blocks_free * format::kPageSizeBytes);
  json.member("inodes", state.statistics.inodes);
  json.member("inodes_free", state.statistics.inodes_free);
}

void write_sessions(JsonWriter& json, const State& state) {
  json.key("sessions");
  json.begin_array();
  for (const SessionView& session : state.sessions) {
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

void print_json(const State& state) {
  JsonWriter json;
  json.begin_object();
  write_volume(json, state);
  json.key("calls");
  json.begin_object();
  json.member("in_process", state.summary->total(Way::k_in_process));
  json.member("passed", state.summary->passed());
  json.member("fuse", state.summary->total(Way::k_fuse));
  write_share(json, state.summary->total(Way::k_in_process), state.summary->passed());
  json.end_object();
  write_operations(json, state);
  json.key("reasons");
  json.begin_object();
  for (uint32_t way = 0; way < metrics::kWays; way++)
    if (metrics::is_passed(way))
      json.member(metrics::way_name(way), state.summary->total(static_cast<Way>(way)));
  json.end_object();
  json.key("events");
  json.begin_object();
  for (uint32_t event = 0; event < metrics::kEvents; event++)
    json.member(metrics::event_name(event), state.summary->events[event]);
  json.end_object();
  write_sessions(json, state);
  json.end_object();
  std::puts(json.text().c_str());
}

std::string percent(uint64_t in_process, uint64_t passed) {
  double part = share(in_process, passed);
  if (part < 0) return "-";
  char text[16];
  std::snprintf(text, sizeof text, "%.2f %%", part * 100);
  return text;
}

std::string latency_cell(const State& state, int path, uint32_t operation, uint32_t permille) {
  if (metrics::samples(state.summary->latency[path][operation]) == 0) return "-";
  char text[24];
  std::snprintf(text, sizeof text, "%.0f", latency_ns(state, path, operation, permille));
  return text;
}

void print_operations(const State& state) {
  std::printf("\n%-18s %12s %10s %9s %12s %9s %9s %10s %10s\n", "operation", "in-process",
              "passed on", "share", "kernel path", "p50 ns", "p99 ns", "k p50 ns", "k p99 ns");
  for (uint32_t operation = 0; operation < metrics::kOperations; operation++) {
    uint64_t in_process = count_of(state, operation, Way::k_in_process);
    uint64_t passed = state.summary->passed(operation),
             fuse = count_of(state, operation, Way::k_fuse);
    if (in_process + passed + fuse == 0) continue;
    std::printf("%-18s %12" PRIu64 " %10" PRIu64 " %9s %12" PRIu64 " %9s %9s %10s %10s\n",
                metrics::operation_name(operation), in_process, passed,
                percent(in_process, passed).c_str(), fuse,
                latency_cell(state, 0, operation, 500).c_str(),
                latency_cell(state, 0, operation, 990).c_str(),
                latency_cell(state, 1, operation, 500).c_str(),
                latency_cell(state, 1, operation, 990).c_str());
  }
}

void print_text(const State& state) {
  const format::Superblock& superblock = state.view.volume().superblock();
  uint64_t size = state.statistics.blocks * format::kPageSizeBytes;
  uint64_t used = size - state.statistics.blocks_free * format::kPageSizeBytes;
  std::printf("%s: %s, daemon %u\n", state.view.mount_point().c_str(), state_word(superblock),
              superblock.daemon_pid);
  std::printf("data      %s of %s used\n", format_size(used).c_str(), format_size(size).c_str());
  std::printf("inodes    %" PRIu64 " of %" PRIu64 " used\n",
              state.statistics.inodes - state.statistics.inodes_free, state.statistics.inodes);
  uint64_t in_process = state.summary->total(Way::k_in_process), passed = state.summary->passed();
  std::printf("calls     %" PRIu64 " in-process, %" PRIu64 " passed on (%s in-process); %" PRIu64
              " requests of the kernel\n",
              in_process, passed, percent(in_process, passed).c_str(),
              state.summary->total(Way::k_fuse));
  print_operations(state);
  if (passed) std::puts("\npassed on because");
  for (uint32_t way = 0; way < metrics::kWays; way++)
    if (metrics::is_passed(way) && state.summary->total(static_cast<Way>(way)))
      std::printf("%12" PRIu64 "  %s\n", state.summary->total(static_cast<Way>(way)),
                  metrics::way_text(way));
  std::puts("\nevents");
  for (uint32_t event = 0; event < metrics::kEvents; event++)
    if (state.summary->events[event])
      std::printf("%12" PRIu64 "  %s\n", state.summary->events[event], metrics::event_text(event));
  std::puts("\nsessions");
  for (const SessionView& session : state.sessions)
    std::printf("%12u  %-16s %u threads, %u descriptors, %" PRIu64 " in-process, %" PRIu64
                " passed on%s\n",
                session.pid, session.name.c_str(), session.threads, session.descriptors,
                session.calls[0], session.calls[2], session.is_daemon ? " (daemon)" : "");
}

}  // namespace

int cmd_stat(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  VolumeView view(arguments.words(1, 1)[0]);
  State state{view, view.statistics(), view.sessions(), std::make_unique<metrics::Summary>(),
              view.ticks_per_ns()};
  view.read_summary(*state.summary);
  if (as_json)
    print_json(state);
  else
    print_text(state);
  return 0;
}

}  // namespace bt::cli
