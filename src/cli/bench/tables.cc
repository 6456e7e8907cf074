// SPDX-License-Identifier: MIT
#include "cli/bench/tables.h"

#include <cstdio>

namespace bt::cli::bench {
namespace {

std::string number(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// "-" for what was not measured, here and below.
std::string cell(const Samples& samples, const std::string& figure, Way way) {
  if (!samples.has(figure, way)) return "-";
  double value = samples.median(figure, way);
  return number(value, value < 100 ? 1 : 0);
}

// How many times faster in-process than that way.
std::string ratio_cell(const Samples& samples, const std::string& figure, Way over) {
  double ratio = samples.ratio(figure, over, Way::kInProcess);
  return ratio > 0 ? number(ratio, 1) + "x" : "-";
}

// In-process minus engine: what interception and the POSIX layer cost.
std::string distance_cell(const Samples& samples, const std::string& figure) {
  if (!samples.has(figure, Way::kEngine) || !samples.has(figure, Way::kInProcess)) return "-";
  double distance = samples.median(figure, Way::kInProcess) - samples.median(figure, Way::kEngine);
  return (distance >= 0 ? "+" : "") + number(distance, 1);
}

std::string spread_cell(const Samples& samples, const std::string& figure) {
  if (!samples.has(figure, Way::kInProcess)) return "-";
  return number(samples.spread(figure, Way::kInProcess) * 100, 0) + " %";
}

Table calls_table(const Results& results) {
  const Samples& samples = results.samples;
  Table table{
      "Nanoseconds per call (per pair or triple of calls where the name says so), median of " +
          std::to_string(results.rounds) + " interleaved rounds",
      {"call", "native", "kernel", "in-process", "engine", "distance", "vs native", "vs kernel",
       "spread"},
      {}};
  for (const std::string& figure : samples.figures())
    table.rows.push_back(
        {figure, cell(samples, figure, Way::kNative), cell(samples, figure, Way::kKernel),
         cell(samples, figure, Way::kInProcess), cell(samples, figure, Way::kEngine),
         distance_cell(samples, figure), ratio_cell(samples, figure, Way::kNative),
         ratio_cell(samples, figure, Way::kKernel), spread_cell(samples, figure)});
  return table;
}

// A column for each other file system that was there.
Table others_table(const Results& results) {
  const Samples& samples = results.samples;
  Table table{"The same calls on other file systems, and how many times faster in-process",
              {"call", "in-process"},
              {}};
  std::vector<Way> ways;
  for (Way way : {Way::kDisk, Way::kBindfs, Way::kPassthrough}) {
    bool any = false;
    for (const std::string& figure : samples.figures()) any |= samples.has(figure, way);
    if (!any) continue;
    ways.push_back(way);
    table.head.push_back(way == Way::kDisk ? results.disk : way_label(way));
    table.head.push_back("vs");
  }
  for (const std::string& figure : samples.figures()) {
    std::vector<std::string> row = {figure, cell(samples, figure, Way::kInProcess)};
    for (Way way : ways) {
      row.push_back(cell(samples, figure, way));
      row.push_back(ratio_cell(samples, figure, way));
    }
    if (!ways.empty()) table.rows.push_back(row);
  }
  return table;
}

Table programs_table(const Results& results) {
  const Samples& samples = results.programs;
  Table table{"Real programs, milliseconds from start to end",
              {"program", "native", "kernel", "in-process", "vs native", "vs kernel", "spread"},
              {}};
  for (const std::string& figure : samples.figures())
    table.rows.push_back(
        {figure, cell(samples, figure, Way::kNative), cell(samples, figure, Way::kKernel),
         cell(samples, figure, Way::kInProcess), ratio_cell(samples, figure, Way::kNative),
         ratio_cell(samples, figure, Way::kKernel), spread_cell(samples, figure)});
  return table;
}

Table numbers_table(const Results& results) {
  Table table{"Beside it", {"", "found"}, {}};
  for (const auto& [name, value] : results.numbers)
    table.rows.push_back({name, number(value, value < 10 ? 2 : 1)});
  return table;
}

}  // namespace

std::vector<Table> tables_of(const Results& results) {
  std::vector<Table> tables;
  for (Table& table : std::vector<Table>{calls_table(results), others_table(results),
                                         programs_table(results), numbers_table(results)})
    if (!table.rows.empty()) tables.push_back(std::move(table));
  return tables;
}

}  // namespace bt::cli::bench
