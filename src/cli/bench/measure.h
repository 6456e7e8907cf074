// SPDX-License-Identifier: MIT
// The measurements of `btfuse bench`, each adding what it found, and the bars it looked at, to the results.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "cli/bench/samples.h"

namespace bt::cli::bench {

struct Options {
  bool quick = false;
  int rounds = 5;
  std::string micro;  // the program to run in place of btfuse-micro; "" = none
  std::string only;   // comma-separated parts; "" = all
};

// What a long run is at, on stderr; with `done` of `all` steps, about how long it will take.
void say(const std::string& what);
class Progress {
 public:
  Progress(std::string what, int all) : what_(std::move(what)), all_(all) {}
  void step(const std::string& detail);

 private:
  std::string what_;
  int all_, done_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// A program as it is started under btfuse run.
std::vector<std::string> served(std::vector<std::string> words);

// micro: single calls natively, through the kernel and in-process, in interleaved rounds; the engine directly where built, the
// disk's file system, bindfs and libfuse's passthrough where they are installed.
void measure_micro(const Options& options, Results& results);
// programs: copying, packing, searching and removing a tree of headers, natively, through the kernel and in-process.
void measure_programs(const Options& options, Results& results);
// scaling: several processes at once against one, in-process and natively.
void measure_scaling(const Options& options, Results& results);
// start: btfuse run -- /bin/true against /bin/true, while the daemon is idle; the same when a program under btfuse run starts it.
void measure_start(const Options& options, Results& results);
// steady: system calls of a million rounds of stat, open, read, close.
void measure_steady(const Options& options, Results& results);
// growth: the same calls with 1,000 and with 1,000,000 files, and the memory per file.
void measure_growth(const Options& options, Results& results);
// cores: how two processes on two cores scale against a loop that only computes.
void measure_cores(const Options& options, Results& results);

}  // namespace bt::cli::bench
