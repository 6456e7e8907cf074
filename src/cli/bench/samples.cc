// SPDX-License-Identifier: MIT
#include "cli/bench/samples.h"

#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace bt::cli::bench {

const char* way_label(Way way) {
  constexpr const char* kLabels[] = {"native", "kernel", "in_process", "engine",
                                     "disk",   "bindfs", "passthrough"};
  return kLabels[static_cast<int>(way)];
}

void Samples::add(const std::string& figure, Way way, double value) {
  auto [place, is_new] = values_.try_emplace(figure);
  if (is_new) figures_.push_back(figure);
  place->second[static_cast<size_t>(way)].push_back(value);
}

const std::vector<double>& Samples::values(const std::string& figure, Way way) const {
  static const std::vector<double> kNone;
  auto place = values_.find(figure);
  return place == values_.end() ? kNone : place->second[static_cast<size_t>(way)];
}

bool Samples::has(const std::string& figure, Way way) const { return !values(figure, way).empty(); }

double Samples::median(const std::string& figure, Way way) const {
  std::vector<double> sorted = values(figure, way);
  std::sort(sorted.begin(), sorted.end());
  size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double Samples::spread(const std::string& figure, Way way) const {
  auto [least, most] = std::minmax_element(values(figure, way).begin(), values(figure, way).end());
  return (*most - *least) / median(figure, way);
}

double Samples::ratio(const std::string& figure, Way over, Way under) const {
  if (!has(figure, over) || !has(figure, under)) return 0;
  double divisor = median(figure, under);
  return divisor > 0 ? median(figure, over) / divisor : 0;
}

Machine this_machine() {
  Machine machine;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.starts_with("model name")) {
      machine.processor = line.substr(line.find(':') + 2);
      break;
    }
  utsname name{};
  uname(&name);
  machine.kernel = std::string(name.sysname) + " " + name.release;
  machine.version = BT_VERSION;
  const char* commit = std::getenv("BT_COMMIT");
  machine.commit = commit ? commit : "";
  time_t now = time(nullptr);
  char date[32];
  strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime(&now));
  machine.date = date;
  machine.processors = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
  getloadavg(&machine.load, 1);
  return machine;
}

}  // namespace bt::cli::bench
