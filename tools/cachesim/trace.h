// SPDX-License-Identifier: MIT
// The traces that policies are compared on: recorded ones (traces/*.gz, made by `record`) and made-up ones (fixed seed).
#pragma once

#include <string>
#include <vector>

#include "policy.h"

namespace bt::cachesim {

struct Trace {
  std::string name;
  std::vector<Key> keys;
  size_t distinct = 0;
};

// One number a line, gzipped; of lines with commas, the second field. Throws std::runtime_error.
Trace read_trace(const std::string& name, const std::string& path);
// `count` accesses to `objects` objects, the n-th most popular with weight n^-exponent.
Trace zipf_trace(size_t objects, size_t count, double exponent);
// The same, and every so often a scan over objects that are never seen again.
Trace scan_trace(size_t objects, size_t count, double exponent);

}  // namespace bt::cachesim
