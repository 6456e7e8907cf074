// SPDX-License-Identifier: MIT
#include "trace.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <unordered_set>

namespace bt::cachesim {
namespace {

constexpr uint64_t kSeed = 20261129;
constexpr size_t kScanEvery = 20000, kScanLength = 5000;

Trace finished(Trace trace) {
  trace.distinct = std::unordered_set<Key>(trace.keys.begin(), trace.keys.end()).size();
  return trace;
}

class ZipfSampler {
 public:
  ZipfSampler(size_t objects, double exponent) : random_(kSeed) {
    double sum = 0;
    for (size_t rank = 1; rank <= objects; rank++)
      cumulated_.push_back(sum += std::pow(static_cast<double>(rank), -exponent));
  }
  Key next() {
    double point = std::uniform_real_distribution<double>(0, cumulated_.back())(random_);
    auto place = std::lower_bound(cumulated_.begin(), cumulated_.end(), point);
    return static_cast<Key>(place - cumulated_.begin());
  }

 private:
  std::mt19937_64 random_;
  std::vector<double> cumulated_;
};

}  // namespace

Trace read_trace(const std::string& name, const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw std::runtime_error(path + ": cannot be read");
  Trace trace{name, {}, 0};
  char line[256];
  while (gzgets(file, line, sizeof line)) {
    std::string text = line;
    size_t comma = text.find(',');
    trace.keys.push_back(
        std::strtoull(text.c_str() + (comma == std::string::npos ? 0 : comma + 1), nullptr, 10));
  }
  gzclose(file);
  return finished(std::move(trace));
}

Trace zipf_trace(size_t objects, size_t count, double exponent) {
  ZipfSampler sampler(objects, exponent);
  Trace trace{"zipf", {}, 0};
  for (size_t i = 0; i < count; i++) trace.keys.push_back(sampler.next());
  return finished(std::move(trace));
}

Trace scan_trace(size_t objects, size_t count, double exponent) {
  ZipfSampler sampler(objects, exponent);
  Trace trace{"scan-mixed", {}, 0};
  Key fresh = objects;
  for (size_t i = 0; i < count; i++) {
    trace.keys.push_back(sampler.next());
    if (i % kScanEvery == kScanEvery - 1)
      for (size_t scanned = 0; scanned < kScanLength; scanned++) trace.keys.push_back(fresh++);
  }
  return finished(std::move(trace));
}

}  // namespace bt::cachesim
