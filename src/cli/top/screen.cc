// SPDX-License-Identifier: MIT
#include "cli/top/screen.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "cli/arguments.h"
#include "metrics/names.h"

namespace bt::cli::top {
namespace {

[[gnu::format(printf, 1, 2)]] std::string line_of(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Columns are counted in characters, every one of which we use is one wide.
std::string cut(const std::string& text, int width) {
  int columns = 0;
  for (size_t i = 0; i < text.size(); i++)
    if (!is_continuation(text[i]) && columns++ == width) return text.substr(0, i);
  return text;
}

std::string pad(std::string text, int width) {
  auto columns = static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
  if (columns < width) text.append(static_cast<size_t>(width - columns), ' ');
  return cut(text, width);
}

std::string percent(double part) { return part < 0 ? "-" : line_of("%.1f%%", part * 100); }

// The history as eighth-height blocks, newest at the right.
std::string curve(const std::deque<Moment>& history, int width, double (*value)(const Moment&),
                  double highest) {
  static constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  int count = std::min(width, static_cast<int>(history.size()));
  for (auto point = history.end() - count; point != history.end(); ++point) {
    double part = highest > 0 ? value(*point) / highest : 0;
    out += kBlocks[std::clamp(static_cast<int>(part * 8 + 0.5), 0, 8)];
  }
  return out;
}

constexpr size_t kHistoryMax = 400;

double calls_of(const Moment& moment) { return moment.calls; }
double share_of(const Moment& moment) { return std::max(moment.share, 0.0); }

double hits_of(const Moment& moment) { return std::max(moment.hit_ratio, 0.0); }
double budget_of(const Moment& moment) { return std::max(moment.budget, 0.0); }

// The cache of a directory: what it holds, what it may hold, and both over time.
void add_cache(std::vector<std::string>& lines, const Snapshot& now, const Rates& rates,
               const View& view, int columns) {
  const CacheView& cache = now.cache;
  lines.push_back(line_of("cache    %s of a budget of %s, %s dirty   hits %s (%s in all)",
                          format_size(now.used_bytes()).c_str(),
                          format_size(cache.budget_bytes).c_str(),
                          format_size(cache.dirty_bytes).c_str(), percent(rates.hit_ratio).c_str(),
                          percent(cache.hit_ratio()).c_str()));
  lines.push_back(pad("hit ratio", 20) + "▕" + curve(view.history, columns, hits_of, 1));
  lines.push_back(pad(line_of("budget to %s", format_size(view.budget_max).c_str()), 20) + "▕" +
                  curve(view.history, columns, budget_of, 1));
}

void add_header(std::vector<std::string>& lines, const Snapshot& now, const Rates& rates,
                const View& view, int width) {
  lines.push_back(line_of("btfuse top  %s: %s%s", now.mount_point.c_str(), now.state,
                          view.is_paused ? "  PAUSED" : ""));
  lines.push_back(
      line_of("calls/s  %s in-process, %s passed on, %s kernel requests   in-process %s",
              short_number(rates.in_process).c_str(), short_number(rates.passed).c_str(),
              short_number(rates.fuse).c_str(), percent(rates.share).c_str()));
  lines.push_back(line_of(
      "data %s of %s   memory %s   inodes %s of %s", format_size(now.used_bytes()).c_str(),
      format_size(now.size_bytes()).c_str(), format_size(now.resident_bytes).c_str(),
      short_number(static_cast<double>(now.statistics.inodes - now.statistics.inodes_free)).c_str(),
      short_number(static_cast<double>(now.statistics.inodes)).c_str()));
  double highest = 0;
  for (const Moment& moment : view.history) highest = std::max(highest, moment.calls);
  int columns = std::max(width - 22, 10);
  lines.push_back(pad(line_of("calls/s to %s", short_number(highest).c_str()), 20) + "▕" +
                  curve(view.history, columns, calls_of, highest));
  lines.push_back(pad("in-process share", 20) + "▕" + curve(view.history, columns, share_of, 1));
  if (now.cache.budget_bytes) add_cache(lines, now, rates, view, columns);
}

// One line each, and only where there is something: the last incident, and what is loaded.
void add_notes(std::vector<std::string>& lines, const Snapshot& now) {
  if (!now.incidents.empty()) {
    const IncidentView& last = now.incidents.back();
    time_t seconds = static_cast<time_t>(last.time_ns / 1'000'000'000);
    tm local{};
    localtime_r(&seconds, &local);
    lines.push_back(line_of("%" PRIu64 " incidents, the last at %02d:%02d:%02d: %s, pid %u",
                            last.number, local.tm_hour, local.tm_min, local.tm_sec, last.kind,
                            last.who));
  }
  if (now.hooks.empty()) return;
  std::string text = "eBPF";
  for (const LoadedObjectView& object : now.hooks)
    text += "  " + object.name + " (" + std::to_string(object.programs.size()) + " programs, " +
            std::to_string(object.maps.size()) + " maps)";
  lines.push_back(text);
}

void sort_operations(std::vector<OperationRate>& rows, SortKey key) {
  std::stable_sort(rows.begin(), rows.end(), [key](const OperationRate& a, const OperationRate& b) {
    switch (key) {
      case SortKey::kPassed:
        return a.passed > b.passed;
      case SortKey::kKernel:
        return a.fuse > b.fuse;
      case SortKey::kLatency:
        return a.p99_ns > b.p99_ns;
      case SortKey::kName:
        return std::string(metrics::operation_name(a.operation)) <
               metrics::operation_name(b.operation);
      default:
        return a.all() > b.all();
    }
  });
}

void sort_sessions(std::vector<SessionRate>& rows, SortKey key) {
  std::stable_sort(rows.begin(), rows.end(), [key](const SessionRate& a, const SessionRate& b) {
    switch (key) {
      case SortKey::kPassed:
        return a.passed > b.passed;
      case SortKey::kKernel:
        return a.fuse > b.fuse;
      case SortKey::kName:
        return a.session.name < b.session.name;
      default:
        return a.all() > b.all();
    }
  });
}

void add_operations(std::vector<std::string>& lines, std::vector<OperationRate> rows, SortKey key,
                    size_t room) {
  sort_operations(rows, key);
  lines.push_back(line_of("%-17s %7s %7s %7s %8s %8s %8s %8s", "OPERATION", "IN/S", "PASS/S",
                          "KERN/S", "P50", "P99", "K-P50", "K-P99"));
  for (size_t i = 0; i < rows.size() && i < room; i++) {
    const OperationRate& row = rows[i];
    auto time = [](double ns) {  // µ is one column but two bytes, which %8s would not know
      std::string text = short_time(ns);
      auto columns = static_cast<int>(
          std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
      return std::string(static_cast<size_t>(std::max(8 - columns, 0)), ' ') + text;
    };
    lines.push_back(line_of("%-17s %7s %7s %7s %s %s %s %s", metrics::operation_name(row.operation),
                            short_number(row.in_process).c_str(), short_number(row.passed).c_str(),
                            short_number(row.fuse).c_str(), time(row.p50_ns).c_str(),
                            time(row.p99_ns).c_str(), time(row.fuse_p50_ns).c_str(),
                            time(row.fuse_p99_ns).c_str()));
  }
}

void add_sessions(std::vector<std::string>& lines, std::vector<SessionRate> rows, const View& view,
                  size_t room) {
  std::erase_if(rows, [&](const SessionRate& row) {
    return row.session.name.find(view.filter) == std::string::npos;
  });
  sort_sessions(rows, view.sort);
  lines.push_back(line_of("%7s %-16s %6s %4s %5s %7s %7s %7s", "PID", "PROGRAM", "UID", "THR",
                          "FDS", "IN/S", "PASS/S", "KERN/S"));
  for (size_t i = 0; i < rows.size() && i < room; i++) {
    const SessionRate& row = rows[i];
    const SessionView& session = row.session;
    std::string program = session.is_daemon ? session.name + "*" : session.name;
    lines.push_back(line_of("%7u %-16s %6u %4u %5u %7s %7s %7s", session.pid, program.c_str(),
                            session.uid, session.threads, session.descriptors,
                            short_number(row.in_process).c_str(), short_number(row.passed).c_str(),
                            short_number(row.fuse).c_str()));
  }
}

}  // namespace

const char* sort_label(SortKey key) {
  constexpr const char* kLabels[kSortKeys] = {"calls", "passed", "kernel", "latency", "name"};
  return kLabels[static_cast<int>(key)];
}

std::string short_number(double value) {
  if (value < 10000) return line_of("%.0f", value);
  constexpr const char* kUnits = "kMGT";
  int unit = -1;
  while (value >= 999.5 && unit < 3) {
    value /= 1000;
    unit++;
  }
  return line_of("%.*f%c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, kUnits[unit]);
}

std::string short_time(double nanoseconds) {
  if (nanoseconds <= 0) return "-";
  if (nanoseconds < 1000) return line_of("%.0fns", nanoseconds);
  if (nanoseconds < 1e6) return line_of("%.1fµs", nanoseconds / 1e3);
  if (nanoseconds < 1e9) return line_of("%.1fms", nanoseconds / 1e6);
  return line_of("%.1fs", nanoseconds / 1e9);
}

void remember(View& view, const Rates& rates, const Snapshot& now) {
  view.budget_max = std::max(view.budget_max, now.cache.budget_bytes);
  double budget = view.budget_max ? static_cast<double>(now.cache.budget_bytes) /
                                        static_cast<double>(view.budget_max)
                                  : -1;
  view.history.push_back({rates.in_process + rates.passed, rates.share, rates.hit_ratio, budget});
  if (view.history.size() > kHistoryMax) view.history.pop_front();
}

std::vector<std::string> draw(const Snapshot& now, const Rates& rates, const View& view, int width,
                              int height) {
  std::vector<std::string> lines;
  add_header(lines, now, rates, view, width);
  add_notes(lines, now);
  // Two table headings and the line of keys; reasons get at most three lines. What is left is shared.
  size_t reasons = std::min<size_t>(rates.reasons.size(), 3);
  int room = std::max(height - static_cast<int>(lines.size() + reasons) - 3, 2);
  size_t operations = std::min(rates.operations.size(), static_cast<size_t>((room + 1) / 2));
  size_t sessions = static_cast<size_t>(room) - operations;
  add_operations(lines, rates.operations, view.sort, operations);
  for (size_t i = 0; i < reasons; i++)
    lines.push_back(line_of("%8s/s  %s", short_number(rates.reasons[i].calls).c_str(),
                            metrics::way_text(rates.reasons[i].way)));
  add_sessions(lines, rates.sessions, view, sessions);
  if (lines.size() >= static_cast<size_t>(height)) lines.resize(static_cast<size_t>(height) - 1);
  lines.push_back(view.is_typing_filter
                      ? "program contains: " + view.filter + "_"
                      : line_of("q quit  s sort (%s)  f filter%s%s  p %s", sort_label(view.sort),
                                view.filter.empty() ? "" : ": ", view.filter.c_str(),
                                view.is_paused ? "go on" : "pause"));
  for (std::string& line : lines) line = cut(line, width);
  return lines;
}

}  // namespace bt::cli::top
