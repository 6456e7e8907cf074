// SPDX-License-Identifier: MIT
// The same results in four forms.
#pragma once

#include <string>

#include "cli/bench/samples.h"

namespace bt::cli::bench {

// For a terminal.
std::string text_report(const Results& results);
std::string json_report(const Results& results);
// docs/benchmarks.md.
std::string markdown_report(const Results& results);
// One self-contained page with a picture: bars on a logarithmic scale, no script, light and dark.
std::string html_report(const Results& results);

}  // namespace bt::cli::bench
