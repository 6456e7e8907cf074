// SPDX-License-Identifier: MIT
// The measurements of `btfuse bench`, each adding what it found, and the bars it looked at, to the results.
#pragma once

#include <string>

#include "cli/bench/samples.h"

namespace bt::cli::bench {

struct Options {
  bool quick = false;
  int rounds = 5;
  std::string micro;  // the program to run in place of btfuse-micro; "" = none
  std::string only;   // comma-separated parts; "" = all
};

// micro: single calls natively, through the kernel and in-process, in interleaved rounds; the engine directly where built.
void measure_micro(const Options& options, Results& results);
// start: btfuse run -- /bin/true against /bin/true, while the daemon is idle.
void measure_start(const Options& options, Results& results);
// steady: system calls of a million rounds of stat, open, read, close.
void measure_steady(const Options& options, Results& results);
// growth: the same calls with 1,000 and with 1,000,000 files, and the memory per file.
void measure_growth(const Options& options, Results& results);

}  // namespace bt::cli::bench
