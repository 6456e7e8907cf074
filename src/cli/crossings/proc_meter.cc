// SPDX-License-Identifier: MIT
// Level proc: what any user can see. The program's switches come from wait4's usage, which includes its children; the
// daemon's from /proc.
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/crossings/meter.h"

namespace bt::cli {
namespace {

struct Switches {
  uint64_t voluntary = 0, involuntary = 0;
};

Switches switches_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return {static_cast<uint64_t>(usage.ru_nvcsw), static_cast<uint64_t>(usage.ru_nivcsw)};
}

Switches switches_of(int process) {
  Switches sum;
  std::error_code gone;
  std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    std::ifstream status(task.path() / "status");
    std::string word;
    uint64_t value = 0;
    while (status >> word) {
      if (word == "voluntary_ctxt_switches:" && status >> value) sum.voluntary += value;
      if (word == "nonvoluntary_ctxt_switches:" && status >> value) sum.involuntary += value;
    }
  }
  return sum;
}

ProcessActivity between(const Switches& before, const Switches& after) {
  uint64_t voluntary = after.voluntary - before.voluntary;
  return {std::nullopt, voluntary + after.involuntary - before.involuntary, voluntary};
}

class ProcMeter : public Meter {
 public:
  explicit ProcMeter(const FuseConnection& connection) : daemons_(connection.daemons) {}

  void start(pid_t) override {
    program_before_ = switches_of_children();
    daemon_before_ = daemons();
  }
  Crossings stop() override {
    Crossings result;
    result.level = "proc";
    result.program = between(program_before_, switches_of_children());
    result.daemon = between(daemon_before_, daemons());
    return result;
  }

 private:
  Switches daemons() const {
    Switches sum;
    for (int daemon : daemons_) {
      Switches one = switches_of(daemon);
      sum.voluntary += one.voluntary;
      sum.involuntary += one.involuntary;
    }
    return sum;
  }

  std::vector<int> daemons_;
  Switches program_before_, daemon_before_;
};

}  // namespace

std::unique_ptr<Meter> make_proc_meter(const FuseConnection& connection) {
  return std::make_unique<ProcMeter>(connection);
}

}  // namespace bt::cli
