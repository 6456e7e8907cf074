// SPDX-License-Identifier: MIT
#include "cli/bench/measure.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/bench/others.h"
#include "cli/bench/programs.h"
#include "cli/command_error.h"

namespace bt::cli::bench {
namespace {

constexpr unsigned kMicroLimitSeconds = 300;
constexpr double kOutsideTimes = 1.05;
constexpr double kOutsideNs = 10;
constexpr double kStartMs = 0.6, kExecMs = 0.35;
constexpr double kSteadyCalls = 100;
constexpr double kGrowthTimes = 1.5;
constexpr double kFileBytes = 400;
constexpr double kScaling = 0.95, kSharedChangeScaling = 0.6;

void add_micro_bars(Results& results) {
  const Samples& samples = results.samples;
  auto add = [&](const char* figure, double wanted, Way over, const char* against) {
    double found = samples.ratio(figure, over, Way::kInProcess);
    if (wanted > 0 && found > 0)
      results.bars.push_back(
          {std::string(figure) + ": in-process against " + against, found, wanted, true, "x"});
  };
#define BT_BAR(figure, native, kernel)          \
  add(#figure, native, Way::kNative, "native"); \
  add(#figure, kernel, Way::kKernel, "the kernel path");
#include "cli/bench/bars.def"
#undef BT_BAR
  for (const char* figure : {"getppid", "outside_stat", "outside_pread64", "outside_open_close"}) {
    if (!samples.has(figure, Way::kNative) || !samples.has(figure, Way::kInProcess)) continue;
    double native = samples.median(figure, Way::kNative);
    double allowed = std::max(native * kOutsideTimes, native + kOutsideNs);
    results.bars.push_back({std::string(figure) + ": not ours, under btfuse run",
                            samples.median(figure, Way::kInProcess), allowed, false, "ns"});
  }
}

}  // namespace

void say(const std::string& what) { std::fprintf(stderr, "btfuse: bench: %s\n", what.c_str()); }

void Progress::step(const std::string& detail) {
  std::string left;
  if (done_ > 0) {
    auto passed = std::chrono::steady_clock::now() - begin_;
    auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(passed).count() * (all_ - done_) / done_;
    left = ", about " + std::to_string(seconds) + " s left";
  }
  done_++;
  say(what_ + ", step " + std::to_string(done_) + " of " + std::to_string(all_) + " (" + detail +
      ")" + left);
}

std::vector<std::string> served(std::vector<std::string> words) {
  words.insert(words.begin(), {companion("btfuse"), "run", "--"});
  return words;
}

void measure_micro(const Options& options, Results& results) {
  std::string micro = options.micro.empty() ? companion("btfuse-micro") : options.micro;
  std::string engine;
  try {
    engine = companion("btfuse-engine");
  } catch (const CommandError&) {
    say("btfuse-engine is not built: the engine alone is not measured");
  }
  Workshop workshop("1G");
  setenv("MICRO_BATCHES", options.quick ? "5" : "21", 1);
  Others others(workshop.native());
  results.disk = others.disk_type();
  const int steps = 3 + (engine.empty() ? 0 : 1) + static_cast<int>(others.list().size());
  Progress progress("micro", steps * options.rounds);
  for (int round = 1; round <= options.rounds; round++) {
    auto take = [&](Way way, const std::vector<std::string>& words) {
      progress.step(std::string(way_label(way)) + ", round " + std::to_string(round));
      for (const auto& [name, value] : parse_figures(run_program(words, kMicroLimitSeconds)))
        results.samples.add(name, way, value);
    };
    take(Way::kNative, {micro, workshop.native()});
    take(Way::kInProcess, served({micro, workshop.mount_point()}));
    take(Way::kKernel, {micro, workshop.mount_point()});
    if (!engine.empty()) take(Way::kEngine, {engine});
    for (const Other& other : others.list()) take(other.way, {micro, other.directory});
  }
  add_micro_bars(results);
}

namespace {

// A program that runs under btfuse run starts others, against one that does not; in turn, so that the machine's mood hits both.
void measure_exec(const Options& options, Results& results) {
  const std::vector<std::string> words = {companion("btfuse-start"), options.quick ? "20" : "100",
                                          "==", "/bin/true"};
  Samples samples;
  for (int round = 0; round < options.rounds; round++)
    for (Way way : {Way::kNative, Way::kInProcess})
      for (const auto& [name, value] :
           parse_figures(run_program(way == Way::kNative ? words : served(words), 120)))
        samples.add("exec", way, value);
  double alone = samples.median("exec", Way::kNative),
         under = samples.median("exec", Way::kInProcess);
  results.add_number("exec_alone_us", alone);
  results.add_number("exec_served_us", under);
  results.bars.push_back({"starting /bin/true from a program under btfuse run, more than alone",
                          (under - alone) / 1000, kExecMs, false, "ms"});
}

}  // namespace

void measure_start(const Options& options, Results& results) {
  say("start-up");
  Workshop workshop("64M");
  measure_exec(options, results);
  std::string output =
      run_program({companion("btfuse-start"), options.quick ? "50" : "200", "==", "/bin/true",
                   "==", companion("btfuse"), "run", "--", "/bin/true"},
                  120);
  auto figures = parse_figures(output);
  if (figures.size() != 2) throw CommandError("btfuse-start", "gave no figures");
  double alone = figures[0].second, under = figures[1].second;
  results.add_number("start_alone_us", alone);
  results.add_number("start_served_us", under);
  results.bars.push_back(
      {"btfuse run -- /bin/true, more than alone", (under - alone) / 1000, kStartMs, false, "ms"});
}

namespace {

// System calls of a program and its children, as strace counts them.
double count_calls(const std::vector<std::string>& words) {
  std::string table = "/tmp/btfuse-bench-strace." + std::to_string(getpid());
  std::vector<std::string> traced = {"strace", "-f", "-c", "-U", "name,calls", "-o", table};
  traced.insert(traced.end(), words.begin(), words.end());
  run_program(traced, 120);
  std::ifstream file(table);
  double calls = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream row(line);
    std::string name;
    double count = 0;
    if (row >> name >> count && name != "total") calls += count;
  }
  std::filesystem::remove(table);
  return calls;
}

}  // namespace

void measure_steady(const Options& options, Results& results) {
  if (system("command -v strace >/dev/null") != 0) {
    say("strace is not installed: system calls are not counted");
    return;
  }
  say("steady state");
  Workshop workshop("64M");
  std::string file = workshop.mount_point() + "/file";
  std::ofstream(file) << "some data";
  std::string rounds = options.quick ? "100000" : "1000000";
  double few = count_calls(served({companion("btfuse-steady"), file, "1"}));
  double many = count_calls(served({companion("btfuse-steady"), file, rounds}));
  results.add_number("steady_rounds", std::atof(rounds.c_str()));
  results.add_number("steady_calls_start_up", few);
  results.add_number("steady_calls", many - few);
  results.bars.push_back({"system calls of " + rounds + " × stat, open, read, close", many - few,
                          kSteadyCalls, false, "calls"});
}

void measure_growth(const Options& options, Results& results) {
  Workshop workshop("4G");
  const std::string counts[2] = {"1000", options.quick ? "100000" : "1000000"};
  std::vector<std::pair<std::string, double>> figures[2];
  double bytes = 0;
  for (int i = 0; i < 2; i++) {
    say("growth, " + counts[i] + " files");
    std::string native = workshop.native() + "/" + counts[i];
    std::filesystem::create_directory(native);
    for (const auto& [name, value] :
         parse_figures(run_program({companion("btfuse-growth"), native, counts[i]}, 300)))
      results.add_number("growth_tmpfs_" + name + "_" + counts[i] + "_ns", value);
    std::filesystem::remove_all(native);
    std::string directory = workshop.mount_point() + "/" + counts[i];
    std::filesystem::create_directory(directory);
    auto before = static_cast<double>(workshop.memory_bytes());
    figures[i] =
        parse_figures(run_program(served({companion("btfuse-growth"), directory, counts[i]}), 300));
    bytes = (static_cast<double>(workshop.memory_bytes()) - before) / std::atof(counts[i].c_str());
    for (const auto& [name, value] : figures[i])
      results.add_number("growth_" + name + "_" + counts[i] + "_ns", value);
  }
  for (size_t i = 0; i < figures[0].size() && i < figures[1].size(); i++)
    if (figures[0][i].first != "fill")
      results.bars.push_back({figures[0][i].first + " with " + counts[1] + " files against 1000",
                              figures[1][i].second / figures[0][i].second, kGrowthTimes, false,
                              "x"});
  results.add_number("bytes_per_empty_file", bytes);
  results.bars.push_back({"memory per empty file", bytes, kFileBytes, false, "bytes"});
}

void measure_cores(const Options& options, Results& results) {
  if (results.machine.processors < 2) return say("one processor: two are not measured");
  say("two cores");
  Workshop workshop("256M");
  std::string rounds = options.quick ? "3" : "31";
  std::string output =
      run_program(served({companion("btfuse-cores"), workshop.mount_point(), rounds}), 300);
  for (const auto& [name, ratio] : parse_figures(output)) {
    results.add_number("cores_" + name, ratio);
    if (name.ends_with("_least") || name.ends_with("_most")) continue;
    double wanted = name == "create_unlink_one_directory" ? kSharedChangeScaling : kScaling;
    results.bars.push_back({name + ": two processes, against computing", ratio, wanted, true, "x"});
  }
}

}  // namespace bt::cli::bench
