// SPDX-License-Identifier: MIT
// btfuse bench: what a call costs natively, through the kernel and in-process, on this machine, and whether the bars of the project
// are met. Mounts scratch volumes of its own; the mounts of the machine are left alone.
#include <cstdio>
#include <fstream>
#include <string>

#include "cli/bench/measure.h"
#include "cli/bench/report.h"
#include "cli/command.h"

namespace bt::cli {
namespace {

bool wants(const bench::Options& options, const std::string& part) {
  return options.only.empty() ||
         ("," + options.only + ",").find("," + part + ",") != std::string::npos;
}

void write_file(const std::optional<std::string>& path, const std::string& text) {
  if (!path) return;
  std::ofstream file(*path);
  file << text;
  file.close();
  if (!file) throw CommandError(*path, "cannot be written");
}

}  // namespace

int cmd_bench(Arguments& arguments) {
  bench::Options options;
  options.quick = arguments.flag("--quick");
  options.rounds =
      static_cast<int>(arguments.number("--rounds", 1, 100).value_or(options.quick ? 1 : 5));
  options.micro = arguments.value("--micro").value_or("");
  options.only = arguments.value("--only").value_or("");
  bool as_json = arguments.flag("--json"), must_meet = arguments.flag("--check");
  std::optional<std::string> html = arguments.value("--html"),
                             markdown = arguments.value("--markdown"),
                             json_file = arguments.value("--json-file");
  arguments.words(0, 0);
  bench::Results results;
  results.machine = bench::this_machine();
  results.rounds = options.rounds;
  if (wants(options, "micro")) bench::measure_micro(options, results);
  if (wants(options, "programs")) bench::measure_programs(options, results);
  if (wants(options, "scaling")) bench::measure_scaling(options, results);
  if (wants(options, "start")) bench::measure_start(options, results);
  if (wants(options, "steady")) bench::measure_steady(options, results);
  if (wants(options, "cores")) bench::measure_cores(options, results);
  if (wants(options, "growth")) bench::measure_growth(options, results);
  write_file(html, bench::html_report(results));
  write_file(markdown, bench::markdown_report(results));
  write_file(json_file, bench::json_report(results));
  std::fputs((as_json ? bench::json_report(results) : bench::text_report(results)).c_str(), stdout);
  bool all_met = true;
  for (const bench::Bar& bar : results.bars) all_met = all_met && bar.met();
  return must_meet && !all_met ? 1 : 0;
}

}  // namespace bt::cli
