// SPDX-License-Identifier: MIT
// Tells a process that hangs from one that a busy machine does not run. A process that ends no step is charged the time in
// which it could have: while it runs, its own processor time; while it sleeps, the time in which the processes under test
// had a processor between them, or all of it when none of them wants one (then they wait for each other, or for nobody). A
// second of that is a hang, whatever the wall clock says and however late the watchdog itself gets its turn.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "engine/volume.h"

namespace bt::stress {

class Watchdog {
 public:
  static constexpr double kHangSeconds = 1, kLookEachSeconds = 0.05;

  // steps[i] grows with each step of process i.
  Watchdog(const engine::Volume& volume, const uint64_t* steps, int count)
      : volume_(volume), steps_(steps), watched_(static_cast<size_t>(count)) {}

  // Another process is number `index` from now on.
  void started(int index, pid_t pid);
  // Does nothing until kLookEachSeconds after the last time. False: one hangs, which is printed.
  bool look();
  double longest_charged() const { return longest_charged_; }
  double longest_wall() const { return longest_wall_; }

 private:
  struct Watched {
    pid_t pid = 0;
    uint64_t steps = 0;
    double ran = 0;      // seconds of processor time at the last look
    double since = 0;    // when the last step was seen
    double charged = 0;  // seconds since, as above
    double ran_now = 0;
    char state = 0;
  };
  void sample(Watched& process);
  double shared_seconds(double elapsed) const;
  void explain(const Watched& process) const;

  const engine::Volume& volume_;
  const uint64_t* steps_;
  std::vector<Watched> watched_;
  double looked_ = 0;
  double longest_charged_ = 0, longest_wall_ = 0;
};

double now_seconds();

}  // namespace bt::stress
