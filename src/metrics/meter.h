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
  Meter(Block& block, const Control& control) : block_(block), control_(control) {
    if (--block_.until_sample < 0 || load_relaxed(control.trace_until) ||
        load_relaxed(control.time_until)) [[unlikely]]
      start();
  }

  // For a call whose block was not known when it began: it counts as timed if somebody traces.
  Meter(Block& block, const Control& control, uint64_t began) : block_(block), control_(control) {
    tracing_ = clock_ticks() < load_relaxed(control.trace_until);
    if (tracing_) started_ = began;
  }

  void served(Operation operation, Way way) {
    count(block_, operation, way);
    if (started_ && way <= Way::k_fuse) [[unlikely]]
      finish(operation, way == Way::k_fuse);
  }

  // Whether somebody traces; then call trace() of trace.h, after served().
  bool traced() const { return tracing_; }
  uint64_t ended() const { return ended_; }
  uint64_t duration() const { return ended_ - started_; }

 private:
  // Deadlines, not flags: a tracer that was killed stops costing anything by itself. They are compared here, out of the way.
  [[gnu::noinline, gnu::cold]] void start() {
    uint64_t now = clock_ticks();
    bool sampled = block_.until_sample < 0;
    if (sampled) block_.until_sample = kSampleEvery - 1;
    tracing_ = now < load_relaxed(control_.trace_until);
    if (sampled || tracing_ || now < load_relaxed(control_.time_until)) started_ = now;
  }
  [[gnu::noinline, gnu::cold]] void finish(Operation operation, bool kernel_path) {
    ended_ = clock_ticks();
    Histogram& histogram = block_.latency[kernel_path][static_cast<uint32_t>(operation)];
    increment(histogram.count[bucket_of(ended_ - started_)]);
  }

  Block& block_;
  const Control& control_;
  uint64_t started_ = 0;
  uint64_t ended_ = 0;
  bool tracing_ = false;
};

}  // namespace bt::metrics
