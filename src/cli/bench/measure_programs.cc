// SPDX-License-Identifier: MIT
// Real programs, and several processes at once.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/bench/measure.h"
#include "cli/bench/programs.h"
#include "cli/command_error.h"

namespace bt::cli::bench {
namespace {

constexpr unsigned kProgramLimitSeconds = 300;
constexpr const char* kTree = "/usr/include/linux";  // some 500 headers

double run_ms(const std::vector<std::string>& words) {
  auto begin = std::chrono::steady_clock::now();
  run_program(words, kProgramLimitSeconds);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

// In this order: each leaves what the next needs, the last one nothing.
struct Workload {
  const char* name;
  const char* script;  // $1: the directory
};
constexpr Workload kWorkloads[] = {
    {"cp_r", "cp -r /usr/include/linux \"$1/tree\""},
    {"tar_c", "tar -C \"$1\" -cf \"$1/tree.tar\" tree"},
    {"tar_x", "mkdir \"$1/out\" && tar -C \"$1/out\" -xf \"$1/tree.tar\""},
    {"find_size", "find \"$1\" -type f -size +100k >/dev/null"},
    {"grep_r", "grep -r no_such_word \"$1/tree\"; test $? = 1"},
    {"diff_r", "diff -r \"$1/tree\" \"$1/out/tree\""},
    {"rm_r", "rm -r \"$1/tree\" \"$1/out\" \"$1/tree.tar\""},
};

// Wall clock of `count` copies of btfuse-steady, each on a file of its own, in seconds.
double run_at_once(const std::string& directory, int count, const std::string& rounds,
                   bool is_served) {
  std::vector<std::thread> threads;
  std::vector<std::string> problems(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) std::ofstream(directory + "/" + std::to_string(i)) << "data";
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; i++)
    threads.emplace_back([&, i] {
      std::vector<std::string> words = {companion("btfuse-steady"),
                                        directory + "/" + std::to_string(i), rounds};
      try {
        run_program(is_served ? served(words) : words, kProgramLimitSeconds);
      } catch (const std::exception& problem) {
        problems[static_cast<size_t>(i)] = problem.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& problem : problems)
    if (!problem.empty()) throw CommandError("scaling", problem);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

void measure_programs(const Options& options, Results& results) {
  if (!std::filesystem::is_directory(kTree))
    return say(std::string(kTree) + " is missing: real programs are not measured");
  Workshop workshop("1G");
  const int rounds = options.quick ? 1 : std::min(options.rounds, 5);
  Progress progress("programs", rounds * 3);
  for (int round = 1; round <= rounds; round++) {
    auto take = [&](Way way, const std::string& directory) {
      progress.step(std::string(way_label(way)) + ", round " + std::to_string(round));
      for (const Workload& workload : kWorkloads) {
        std::vector<std::string> words = {"sh", "-c", workload.script, "sh", directory};
        results.programs.add(workload.name, way,
                             run_ms(way == Way::kInProcess ? served(words) : words));
      }
    };
    take(Way::kNative, workshop.native());
    take(Way::kInProcess, workshop.mount_point());
    take(Way::kKernel, workshop.mount_point());
  }
}

void measure_scaling(const Options& options, Results& results) {
  Workshop workshop("256M");
  const std::string rounds = options.quick ? "20000" : "200000";
  auto processors = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  std::vector<int> counts = {1};
  for (int count = 2; count <= 2 * processors && count <= 64; count *= 2) counts.push_back(count);
  Progress progress("scaling", static_cast<int>(counts.size()) * 2);
  for (bool is_served : {true, false}) {
    double one = 0;
    for (int count : counts) {
      const char* label = way_label(is_served ? Way::kInProcess : Way::kNative);
      progress.step(std::string(label) + ", " + std::to_string(count) + " processes");
      double seconds = run_at_once(is_served ? workshop.mount_point() : workshop.native(), count,
                                   rounds, is_served);
      double each_second = count * std::stod(rounds) * 4 / seconds;
      if (count == 1) one = each_second;
      std::string name = std::string("scaling_") + label + "_" + std::to_string(count);
      results.add_number(name + "_calls_per_second", each_second);
      results.add_number(name + "_times_one", each_second / one);
    }
  }
}

}  // namespace bt::cli::bench
