// SPDX-License-Identifier: MIT
// Counting a call, on its fast path: two memory increments and two predictable branches, under 2 ns. The clock is read for
// one call in 64, or for every one while somebody traces.
//
//   Meter meter(block, control);            // at the start of the call
//   … serve it …
//   meter.served(Operation::k_open, Way::k_in_process);
//
// Increments are single instructions, so a signal handler of the same thread cannot make one lost.
#pragma once

#include "metrics/block.h"

namespace bt::metrics {

inline constexpr int32_t kSampleEvery = 64;

inline uint64_t clock_ticks() { return __builtin_ia32_rdtsc(); }

inline void increment(uint64_t& counter) { asm("incq %0" : "+m"(counter) : : "cc"); }
inline void increment(uint32_t& counter) { asm("incl %0" : "+m"(counter) : : "cc"); }
inline void add(uint64_t& counter, uint64_t amount) {
  asm("addq %1, %0" : "+m"(counter) : "er"(amount) : "cc");
}

inline void count(Block& block, Operation operation, Way way) {
  increment(block.counts[static_cast<uint32_t>(operation)][static_cast<uint32_t>(way)]);
}
inline void count_event(Block& block, Event event) {
  increment(block.events[static_cast<uint32_t>(event)]);
}
inline void count_event(Block& block, Event event, uint64_t amount) {
  add(block.events[static_cast<uint32_t>(event)], amount);
}

inline uint64_t load_relaxed(const uint64_t& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}

class Meter {
 public:
  Meter() = default;  // of a call that is not timed
  Meter(Block& block, Control& control) : block_(&block) {
    if (--block.until_sample < 0 || load_relaxed(control.time_until)) [[unlikely]]
      started_ = start(block, control);
  }

  // For a call whose block was not known when it began, at that many ticks: it is timed if somebody traces.
  Meter(Block& block, const Control& control, uint64_t began) : block_(&block) {
    if (clock_ticks() < load_relaxed(control.trace_until)) started_ = began | kTimed | kTraced;
  }

  void served(Operation operation, Way way) {
    count(*block_, operation, way);
    if (started_) [[unlikely]]
      finish(operation, way);
  }

  // The parts of served(), for who counts himself: whether there is anything to finish, and doing it.
  bool is_timed() const { return started_ != 0; }
  void finish(Operation operation, Way way) { ended_ = record(*block_, started_, operation, way); }

  // Whether somebody traces; then call trace() of trace.h, after served().
  bool traced() const { return started_ & kTraced; }
  uint64_t ended() const { return ended_; }
  uint64_t duration() const { return ended_ - started_; }

 private:
  // In the low bits of started_, for which a tick or three are given up: that it is not 0, and whether somebody traces.
  static constexpr uint64_t kTimed = 2, kTraced = 1;

  // By value, so that a meter needs no memory. Deadlines, not flags: a tracer that was killed stops costing anything by itself.
  // They are compared here, out of the way, and whoever finds one past takes it back, so that nobody comes here again. 0: the
  // call is not timed.
  [[gnu::noinline, gnu::cold]] static uint64_t start(Block& block, Control& control) {
    uint64_t now = clock_ticks(), until = load_relaxed(control.time_until);
    if (until && now >= until)
      __atomic_compare_exchange_n(&control.time_until, &until, 0, false, __ATOMIC_RELAXED,
                                  __ATOMIC_RELAXED);
    bool sampled = block.until_sample < 0;
    if (sampled) block.until_sample = kSampleEvery - 1;
    bool tracing = now < load_relaxed(control.trace_until);
    if (!sampled && !tracing && now >= until) return 0;
    return ((now | kTimed) & ~kTraced) | (tracing ? kTraced : 0);
  }
  [[gnu::noinline, gnu::cold]] static uint64_t record(Block& block, uint64_t started,
                                                      Operation operation, Way way) {
    uint64_t ended = clock_ticks() | kTimed | kTraced;  // not before `started`
    if (way > Way::k_fuse) return ended;
    Histogram& histogram = block.latency[way == Way::k_fuse][static_cast<uint32_t>(operation)];
    increment(histogram.count[bucket_of(ended - started)]);
    return ended;
  }

  Block* block_ = nullptr;
  uint64_t started_ = 0;
  uint64_t ended_ = 0;
};

}  // namespace bt::metrics
