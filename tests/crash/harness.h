// SPDX-License-Identifier: MIT
// One kill point at a time, always from the same bytes:
//
//   restore the snapshot → a victim process attaches, does its prelude, then the operation, and is killed before its k-th
//   store → perhaps a second process works beside the corpse → recovery (or a recoverer that is killed at its j-th store,
//   then another) → the volume's own check → the state must be the one before or the one after the operation
//
// The bystander (the second process) is the harness itself: it has a session of its own with descriptors open, so what the
// victim must not touch is looked at too. Its private state is the same each time, since the snapshot holds its slot.
#pragma once

#include <sys/types.h>
#include <functional>
#include <memory>
#include <string>

#include "state.h"
#include "store_runtime.h"

namespace bt::crash {

using Act = void (*)(Actor&);

struct Scenario {
  const char* name;
  Act prelude;    // in the victim, uncounted; may be null
  Act operation;  // in the victim, counted
  Act conflict;  // by the bystander between death and recovery; meets the victim's locks; may be null
  enum Kind { kWhole, kInSteps, kTorn, kPagesLater } kind = kWhole;
  // kInSteps: several transactions, states in between are allowed (is_between). kTorn: and pages may be cut within, for
  // programs have them mapped. kPagesLater: whole, but that pages may wait to be freed.
};

struct Totals {
  uint64_t points = 0;  // places where an operation was cut
  uint64_t states = 0;  // states judged, all variants
  uint64_t failures = 0;
  uint64_t restores_proven = 0;
};

class Harness {
 public:
  // `fixture` fills the fresh volume; the snapshot is what it leaves.
  explicit Harness(Act fixture);

  enum class Second { kNobody, kConflict, kNeighbour };
  // Every k, or as many as `points_max`, evenly spread.
  void run(const Scenario& scenario, Second second, uint64_t points_max);
  // For as many k and, of each, as many stores of the recoverer. Every other recoverer's corpse is met by the conflicting
  // process before the next recoverer comes.
  void run_killed_recovery(const Scenario& scenario, uint64_t points_max,
                           uint64_t recoverer_points_max);
  const Totals& totals() const { return totals_; }
  // Ends the run at the first failure (planted bugs: one is enough).
  void stop_at_failure() {
    stop_at_failure_ = true;
    hang_seconds_ = 10;  // some of them hang
  }
  bool stopped() const { return stop_at_failure_ && totals_.failures; }

 private:
  struct Expected {
    State before, after;
    uint64_t stores;
  };

  template <typename Use>
  void each_page(Use use);
  void restore();
  void prove_restored();
  pid_t start_victim(const Scenario& scenario, uint64_t kill_at);
  bool await(pid_t child, const char* whom);
  void act_second(const Scenario& scenario, Second second);
  Expected expect(const Scenario& scenario, Second second);
  bool judge(const Scenario& scenario, const Expected& expected);
  void fail(const std::string& what);
  pid_t start_recoverer(pid_t victim, uint64_t kill_at, bool on_arrival);
  void recover(pid_t dead);

  Volume volume_;
  char* memory_;
  uint64_t size_;
  char* snapshot_;
  StoreBoard* board_;
  std::unique_ptr<Actor> bystander_;
  void* scratch_;
  uint64_t scratch_size_;
  uint64_t restores_ = 0;
  Totals totals_;
  uint64_t recoverer_stores_ = 100;
  bool stop_at_failure_ = false;
  uint32_t hang_seconds_ = 120;  // a busy machine is no hang
  std::string label_;
};

// The clock of all processes: what this returns grows by one each call. Victims and bystander start from fixed values.
void set_clock(int64_t now);

}  // namespace bt::crash
