// SPDX-License-Identifier: MIT
// btfuse trace: the calls on one mount or all, as they happen. Writers record calls while `Superblock::trace_until` lies ahead; this
// command keeps pushing it on and collects the rings of all threads. A thread faster than the collection loses records, and
// the number lost is told at the end.
#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/volume_view.h"
#include "metrics/meter.h"
#include "metrics/names.h"
#include "metrics/trace.h"

namespace bt::cli {
namespace {

constexpr unsigned kPollMicroseconds = 3000;
constexpr int kPollsPerRenewal = 100;
constexpr double kTraceAheadNs = 2e9;

volatile sig_atomic_t interrupted = 0;

struct Filter {
  bool as_json = false;
  uint32_t pid = 0;      // 0 = all
  uint64_t count = 0;    // stop after so many; 0 = never
  uint64_t seconds = 0;  // stop after so long; 0 = never
};

struct Line {
  metrics::TraceRecord record;
  VolumeView* view;
};

// What a pid and a descriptor were called when last seen, so that a line about fd 5 can say which file that is.
class Names {
 public:
  // A process that is gone already is still known by the name of its session, for a while.
  const std::string& program(VolumeView& view, uint32_t pid) {
    auto [place, is_new] = programs_.try_emplace(pid);
    if (!is_new) return place->second;
    std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
    if (std::getline(comm, place->second)) return place->second;
    place->second = "?";
    for (const SessionView& session : view.sessions())
      if (session.pid == pid) place->second = session.name;
    return place->second;
  }

  // The path to print, "" when nothing is known.
  std::string path_of(const metrics::TraceRecord& record) {
    std::string path(record.path, std::min<size_t>(record.path_size, metrics::kTracePathBytes));
    if (record.path_size > metrics::kTracePathBytes) path = "…" + path;
    auto operation = static_cast<metrics::Operation>(record.operation);
    auto known = files_.find({record.pid, record.fd});
    if (path.empty() && known != files_.end()) path = known->second;
    if (operation == metrics::Operation::k_open && record.result >= 0)
      files_[{record.pid, static_cast<int32_t>(record.result)}] = path;
    if (operation == metrics::Operation::k_close && known != files_.end()) files_.erase(known);
    return path;
  }

 private:
  std::map<uint32_t, std::string> programs_;
  std::map<std::pair<uint32_t, int32_t>, std::string> files_;
};

class Collector {
 public:
  explicit Collector(VolumeView& view) : view_(view) {
    renew();
    // What was recorded for an earlier tracer is not ours.
    for (uint32_t slot : view_.used_blocks()) next_[slot] = head_of(slot) + 1;
  }

  void renew() {
    uint64_t until =
        metrics::clock_ticks() + static_cast<uint64_t>(kTraceAheadNs * view_.ticks_per_ns());
    view_.trace_until(until);
  }

  void collect(std::vector<Line>& lines) {
    for (uint32_t slot : view_.used_blocks()) {
      uint64_t head = head_of(slot);
      uint64_t& next = next_.try_emplace(slot, 1).first->second;
      if (head >= next + metrics::kTraceRecords) {
        lost_ += head + 1 - metrics::kTraceRecords - next;
        next = head + 1 - metrics::kTraceRecords;
      }
      for (; next <= head; next++) {
        Line line{{}, &view_};
        if (metrics::read_trace(*view_.block(slot), next, line.record))
          lines.push_back(line);
        else
          lost_++;
      }
    }
  }

  uint64_t lost() const { return lost_; }

 private:
  uint64_t head_of(uint32_t slot) const {
    return __atomic_load_n(&view_.block(slot)->trace_head, __ATOMIC_ACQUIRE);
  }

  VolumeView& view_;
  std::map<uint32_t, uint64_t> next_;  // by slot: the next record to read
  uint64_t lost_ = 0;
};

std::string result_text(const metrics::TraceRecord& record) {
  if (metrics::is_passed(record.way)) return "?";
  if (record.result < 0 && record.result > -4096) {
    const char* name = strerrorname_np(static_cast<int>(-record.result));
    return name ? std::string("-") + name : std::to_string(record.result);
  }
  return std::to_string(record.result);
}

const char* call_text(const metrics::TraceRecord& record) {
  return record.call == metrics::kNoCall ? metrics::operation_name(record.operation)
                                         : metrics::call_name(record.call);
}

// Wall clock of a tick count, hh:mm:ss.microseconds.
std::string time_text(VolumeView& view, uint64_t ticks) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  double ago_ns = static_cast<double>(metrics::clock_ticks() - ticks) / view.ticks_per_ns();
  int64_t then_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec - static_cast<int64_t>(ago_ns);
  time_t seconds = then_ns / 1'000'000'000;
  tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%06d", local.tm_hour, local.tm_min, local.tm_sec,
                static_cast<int>(then_ns % 1'000'000'000 / 1000));
  return text;
}

void print_line(const Line& line, Names& names, bool as_json) {
  const metrics::TraceRecord& record = line.record;
  std::string path = names.path_of(record);
  double latency_ns = record.duration / line.view->ticks_per_ns();
  std::string time = time_text(*line.view, record.ticks);
  if (!as_json) {
    std::string fd = record.fd >= 0 ? std::to_string(record.fd) : "-";
    std::printf("%s %7u %-15s %-12s %4s %10s %10.0f  %-12s %s\n", time.c_str(), record.pid,
                names.program(*line.view, record.pid).c_str(), call_text(record), fd.c_str(),
                result_text(record).c_str(), latency_ns, metrics::way_name(record.way),
                path.c_str());
    return;
  }
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.begin_object();
  json.member("time", time);
  json.member("mountpoint", line.view->mount_point());
  json.member("pid", record.pid);
  json.member("program", names.program(*line.view, record.pid));
  json.member("call", call_text(record));
  json.member("operation", metrics::operation_name(record.operation));
  json.member("path", path);
  json.member("inode", record.inode);
  json.member("fd", record.fd);
  json.member("result", record.result);
  json.member("latency_ns", latency_ns);
  json.member("way", metrics::way_name(record.way));
  json.end_object();
  std::puts(json.text().c_str());
}

// Prints what was collected, in the order of time; false once enough was printed.
bool print_lines(std::vector<Line>& lines, Names& names, const Filter& filter, uint64_t& printed) {
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return a.record.ticks < b.record.ticks; });
  for (const Line& line : lines) {
    if (filter.pid && line.record.pid != filter.pid) continue;
    print_line(line, names, filter.as_json);
    if (++printed == filter.count) return false;
  }
  if (!lines.empty()) std::fflush(stdout);
  return !std::ferror(stdout);
}

void run_trace(std::vector<VolumeView>& views, const Filter& filter) {
  std::vector<Collector> collectors;
  for (VolumeView& view : views) collectors.emplace_back(view);
  if (!filter.as_json)
    std::printf("%-15s %7s %-15s %-12s %4s %10s %10s  %-12s %s\n", "TIME", "PID", "PROGRAM", "CALL",
                "FD", "RESULT", "NS", "HOW", "PATH");
  std::fflush(stdout);
  Names names;
  uint64_t printed = 0;
  time_t stop = filter.seconds ? time(nullptr) + static_cast<time_t>(filter.seconds) : 0;
  std::vector<Line> lines;
  for (int poll = 1; !interrupted && (!stop || time(nullptr) < stop); poll++) {
    if (poll % kPollsPerRenewal == 0)
      for (Collector& collector : collectors) collector.renew();
    lines.clear();
    for (Collector& collector : collectors) collector.collect(lines);
    if (!print_lines(lines, names, filter, printed)) break;
    usleep(kPollMicroseconds);
  }
  uint64_t lost = 0;
  for (const Collector& collector : collectors) lost += collector.lost();
  if (lost)
    std::fprintf(stderr,
                 "btfuse: trace: %" PRIu64
                 " calls came faster than they could be read and are not shown\n",
                 lost);
}

}  // namespace

int cmd_trace(Arguments& arguments) {
  Filter filter;
  filter.as_json = arguments.flag("--json");
  filter.pid = static_cast<uint32_t>(arguments.number("--pid", 1, UINT32_MAX).value_or(0));
  filter.count = arguments.number("--count", 1, UINT64_MAX).value_or(0);
  filter.seconds = arguments.number("--seconds", 1, 86400).value_or(0);
  std::vector<std::string> words = arguments.words(0, 1);
  std::vector<VolumeView> views;
  if (!words.empty())
    views.emplace_back(words[0]);
  else
    for (const registry::MountRecord& mount : live_mounts()) views.emplace_back(mount);
  if (views.empty()) throw CommandError("trace", "nothing is mounted (see btfuse list)");
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  run_trace(views, filter);
  return 0;
}

}  // namespace bt::cli
