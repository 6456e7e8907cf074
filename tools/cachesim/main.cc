// SPDX-License-Identifier: MIT
// btfuse-cachesim [TRACES_DIR [EXTRA.csv.gz …]]: which eviction policy misses least, at which cost of a hit? Prints the
// tables of docs/eviction.md; with --svg FILE also the picture. Miss ratios are exact and repeatable; nanoseconds are this
// machine's, and of these implementations, not of the engine's.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>

#include "trace.h"

namespace bt::cachesim {
namespace {

constexpr double kShares[] = {0.01, 0.03, 0.10, 0.30};  // capacity, of the distinct objects

struct Outcome {
  double miss_ratio, ns_per_access;
};

Outcome run(const PolicyKind& kind, const Trace& trace, double share) {
  size_t capacity =
      std::max<size_t>(4, static_cast<size_t>(static_cast<double>(trace.distinct) * share));
  auto policy = kind.make(capacity);
  size_t misses = 0;
  auto begin = std::chrono::steady_clock::now();
  for (Key key : trace.keys) misses += !policy->access(key);
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  auto count = static_cast<double>(trace.keys.size());
  return {static_cast<double>(misses) / count, took.count() / count};
}

using Row = std::vector<Outcome>;  // one a share

void print_table(const Trace& trace, const std::vector<Row>& rows) {
  std::printf(
      "\n### %s: %zu accesses, %zu objects\n\n| policy | 1 %% | 3 %% | 10 %% | 30 %% | ns |\n",
      trace.name.c_str(), trace.keys.size(), trace.distinct);
  std::printf("|---|---|---|---|---|---|\n");
  for (size_t policy = 0; policy < rows.size(); policy++) {
    std::printf("| %s |", policy_kinds()[policy].name.c_str());
    double slowest = 0;
    for (const Outcome& outcome : rows[policy]) {
      std::printf(" %.4f |", outcome.miss_ratio);
      slowest = std::max(slowest, outcome.ns_per_access);
    }
    std::printf(" %.0f |\n", slowest);
  }
}

// One group of bars a trace: the mean miss ratio over the four sizes, as a part of LRU's.
void write_svg(const std::string& path, const std::vector<Trace>& traces,
               const std::vector<std::vector<Row>>& results) {
  static constexpr const char* kColours[] = {"#9ca3af", "#6b7280", "#0f766e", "#1769aa",
                                             "#15803d", "#c2410c", "#7c3aed"};
  std::ofstream svg(path);
  size_t kinds = policy_kinds().size();
  size_t width = 90 + traces.size() * (kinds * 18 + 30);
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='" << width
      << "' height='300' font-family='sans-serif' font-size='12'>"
      << "<text x='10' y='18'>misses, as a part of LRU's (mean of four cache sizes)</text>\n";
  for (size_t trace = 0; trace < traces.size(); trace++) {
    size_t left = 40 + trace * (kinds * 18 + 30);
    for (size_t kind = 0; kind < kinds; kind++) {
      double part = 0;
      for (size_t share = 0; share < std::size(kShares); share++)
        part += results[trace][kind][share].miss_ratio / results[trace][0][share].miss_ratio /
                static_cast<double>(std::size(kShares));
      double height = part * 180;
      svg << "<rect x='" << left + kind * 18 << "' y='" << 230 - height << "' width='15' height='"
          << height << "' fill='" << kColours[kind] << "'><title>" << policy_kinds()[kind].name
          << " " << part << "</title></rect>\n";
    }
    svg << "<text x='" << left << "' y='248'>" << traces[trace].name << "</text>\n";
  }
  for (size_t kind = 0; kind < kinds; kind++)
    svg << "<rect x='" << 40 + kind * 85 << "' y='265' width='12' height='12' fill='"
        << kColours[kind] << "'/><text x='" << 56 + kind * 85 << "' y='276'>"
        << policy_kinds()[kind].name << "</text>\n";
  svg << "</svg>\n";
}

int compare(const std::string& folder, const std::vector<std::string>& extra,
            const std::string& svg) {
  std::vector<Trace> traces;
  traces.push_back(read_trace("git", folder + "/git.gz"));
  traces.push_back(read_trace("build", folder + "/build.gz"));
  traces.push_back(zipf_trace(20000, 400000, 0.9));
  traces.push_back(scan_trace(20000, 300000, 0.9));
  for (const std::string& path : extra) traces.push_back(read_trace(path, path));
  std::vector<std::vector<Row>> results;
  for (const Trace& trace : traces) {
    results.emplace_back();
    for (const PolicyKind& kind : policy_kinds()) {
      results.back().emplace_back();
      for (double share : kShares) results.back().back().push_back(run(kind, trace, share));
    }
    print_table(trace, results.back());
  }
  if (!svg.empty()) write_svg(svg, traces, results);
  return 0;
}

}  // namespace
}  // namespace bt::cachesim

int main(int argc, char** argv) {
  std::string folder, svg;
  std::vector<std::string> extra;
  for (int i = 1; i < argc; i++) {
    std::string word = argv[i];
    if (word == "--svg" && i + 1 < argc)
      svg = argv[++i];
    else if (folder.empty())
      folder = word;
    else
      extra.push_back(word);
  }
  try {
    return bt::cachesim::compare(folder.empty() ? "tools/cachesim/traces" : folder, extra, svg);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "btfuse-cachesim: %s\n", problem.what());
    return 1;
  }
}
