// SPDX-License-Identifier: MIT
// The results as tables of text, which every form of the report prints in its own way.
#pragma once

#include <string>
#include <vector>

#include "cli/bench/samples.h"

namespace bt::cli::bench {

struct Table {
  std::string title;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  // each as long as the head
};

// Only those that have rows: single calls, the same on other file systems, real programs, single numbers.
std::vector<Table> tables_of(const Results& results);

}  // namespace bt::cli::bench
