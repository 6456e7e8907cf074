// SPDX-License-Identifier: MIT
#include "cli/top/screen.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

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

double calls_of(const Moment& moment) { return moment.calls; }
double share_of(const Moment& moment) { return std::max(moment.share, 0.0); }

void add_header(std::vector<std::string>& lines, const Rates& rates, const View& view, int width) {
  lines.push_back(line_of("btfuse top  %s: %s%s", rates.mount_point.c_str(), rates.state.c_str(),
                          view.is_paused ? "  PAUSED" : ""));
  lines.push_back(
      line_of("calls/s  %s in-process, %s passed on, %s kernel requests   in-process %s",
              short_number(rates.in_process).c_str(), short_number(rates.passed).c_str(),
              short_number(rates.fuse).c_str(), percent(rates.share).c_str()));
  std::string cache =
      rates.cache_hits + rates.cache_misses > 0
          ? "   cache hits " + percent(rates.cache_hits / (rates.cache_hits + rates.cache_misses))
          : "";
  lines.push_back(line_of(
      "data %s of %s   memory %s   inodes %s of %s%s", format_size(rates.used_bytes).c_str(),
      format_size(rates.size_bytes).c_str(), format_size(rates.resident_bytes).c_str(),
      short_number(static_cast<double>(rates.inodes_used)).c_str(),
      short_number(static_cast<double>(rates.inodes)).c_str(), cache.c_str()));
  double highest = 0;
  for (const Moment& moment : view.history) highest = std::max(highest, moment.calls);
  int columns = std::max(width - 22, 10);
  lines.push_back(pad(line_of("calls/s to %s", short_number(highest).c_str()), 20) + "▕" +
                  curve(view.history, columns, calls_of, highest));
  lines.push_back(pad("in-process share", 20) + "▕" + curve(view.history, columns, share_of, 1));
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
        return a.program < b.program;
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
    return row.program.find(view.filter) == std::string::npos;
  });
  sort_sessions(rows, view.sort);
  lines.push_back(line_of("%7s %-16s %6s %4s %5s %7s %7s %7s", "PID", "PROGRAM", "UID", "THR",
                          "FDS", "IN/S", "PASS/S", "KERN/S"));
  for (size_t i = 0; i < rows.size() && i < room; i++) {
    const SessionRate& row = rows[i];
    std::string program = row.is_daemon ? row.program + "*" : row.program;
    lines.push_back(line_of("%7u %-16s %6u %4u %5u %7s %7s %7s", row.pid, program.c_str(), row.uid,
                            row.threads, row.descriptors, short_number(row.in_process).c_str(),
                            short_number(row.passed).c_str(), short_number(row.fuse).c_str()));
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

std::vector<std::string> draw(const Rates& rates, const View& view, int width, int height) {
  std::vector<std::string> lines;
  add_header(lines, rates, view, width);
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
