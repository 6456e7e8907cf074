// SPDX-License-Identifier: MIT
// What was measured: for each figure and each way of doing it, one value a round.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

namespace bt::cli::bench {

// native: a tmpfs. engine: the same work by calling the engine, without interception, system call or path walk by an agent: the
// limit. disk: the file system of the working directory, where that is not a tmpfs. bindfs, passthrough: other FUSE file
// systems over that tmpfs, where they are installed.
enum class Way { kNative, kKernel, kInProcess, kEngine, kDisk, kBindfs, kPassthrough, kCount };
inline constexpr int kWays = static_cast<int>(Way::kCount);
const char* way_label(Way way);

class Samples {
 public:
  void add(const std::string& figure, Way way, double value);
  // Figures in the order in which they came first.
  const std::vector<std::string>& figures() const { return figures_; }
  bool has(const std::string& figure, Way way) const;
  // Precondition: has().
  double median(const std::string& figure, Way way) const;
  // (greatest − smallest) / median of the rounds.
  double spread(const std::string& figure, Way way) const;
  // median(over) / median(under); 0 when one of them is missing.
  double ratio(const std::string& figure, Way over, Way under) const;

 private:
  const std::vector<double>& values(const std::string& figure, Way way) const;

  std::vector<std::string> figures_;
  std::map<std::string, std::array<std::vector<double>, kWays>> values_;
};

// One requirement and whether this run met it.
struct Bar {
  std::string name;  // "stat: in-process against native"
  double found;
  double wanted;
  bool at_least;     // found >= wanted, else found <= wanted
  std::string unit;  // "x", "ms", "calls", "bytes"
  bool met() const { return at_least ? found >= wanted : found <= wanted; }
};

struct Machine {
  std::string processor, kernel, version, commit, date;
  unsigned processors;
  double load;  // of the last minute, when the run began
};
Machine this_machine();

struct Results {
  Machine machine;
  int rounds = 0;
  Samples samples;
  std::vector<Bar> bars;
  Samples programs;  // real programs, in milliseconds
  std::string disk;  // what kDisk is: "ext4"
  // Single numbers beside the figures: "start_alone_us", "steady_calls", …
  std::vector<std::pair<std::string, double>> numbers;

  void add_number(const std::string& name, double value) { numbers.emplace_back(name, value); }
};

}  // namespace bt::cli::bench
