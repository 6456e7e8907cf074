// SPDX-License-Identifier: MIT
// Counting a call, on its fast path: two memory increments and two predictable branches; what that comes to says
// bench/counter_cost.sh. The clock is read for one call in 251, or for every one while somebody traces.
//
//   Meter meter(block, trace_until);           // at the start of the call
//   … serve it …
//   meter.served(Operation::k_open, Way::k_in_process);
//
// Increments are single instructions, so a signal handler of the same thread cannot make one lost.
#pragma once

#include "base/relaxed.h"
#include "metrics/block.h"

namespace bt::metrics {

// A prime, so that a loop over a few calls gets each of them timed in turn.
inline constexpr int32_t kSampleEvery = 251;

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

using base::load_relaxed;

// While somebody traces, each call of every thread is timed. The deadline is set first, then each block in use is told, and that
// again whenever the deadline is moved on: a thread's own count-down may overwrite it, then it is told late.
inline void tell_of_tracing(Block& block) {
  __atomic_store_n(&block.until_sample, 0, __ATOMIC_RELAXED);
}

// ---- timing: for who counts himself; else see Meter -----------------------------------------------------------------------
// Ticks at which a timed call began and ended.
struct Timing {
  uint64_t began, ended;
};

// In the low bits of when a call began, for which a tick or three are given up: that it is not 0, and whether somebody traces.
inline constexpr uint64_t kTimed = 2, kTraced = 1;

// Whether the call that begins now may have to be timed.
inline bool count_down(Block& block) { return --block.until_sample < 0; }
// When it began. The deadline is no flag: a tracer that was killed stops costing anything by itself.
[[gnu::noinline, gnu::cold]] inline uint64_t begin_timing(Block& block,
                                                          const uint64_t& trace_until) {
  uint64_t now = clock_ticks();
  bool tracing = now < load_relaxed(trace_until);
  block.until_sample = tracing ? 0 : kSampleEvery - 1;
  return ((now | kTimed) & ~kTraced) | (tracing ? kTraced : 0);
}
// The same of a call that began at that many ticks, and of which only now is known where it is counted: it is timed if somebody
// traces, else 0.
inline uint64_t begin_timing_late(const uint64_t& trace_until, uint64_t ticks) {
  return clock_ticks() < load_relaxed(trace_until) ? ticks | kTimed | kTraced : 0;
}
[[gnu::noinline, gnu::cold]] inline Timing end_timing(Block& block, uint64_t began,
                                                      Operation operation, Way way) {
  Timing timing{began, clock_ticks() | kTimed | kTraced};  // not before it began
  if (way <= Way::k_fuse) {
    Histogram& histogram = block.latency[way == Way::k_fuse][static_cast<uint32_t>(operation)];
    increment(histogram.count[bucket_of(timing.ended - timing.began)]);
  }
  return timing;
}

class Meter {
 public:
  // trace_until: the superblock's; it is looked at only where a call is timed.
  Meter(Block& block, const uint64_t& trace_until) : block_(block) {
    if (count_down(block)) [[unlikely]]
      timing_.began = begin_timing(block, trace_until);
  }

  void served(Operation operation, Way way) {
    count(block_, operation, way);
    if (timing_.began) [[unlikely]]
      timing_ = end_timing(block_, timing_.began, operation, way);
  }

  // Whether somebody traces; then call trace() of trace.h with this, after served().
  bool traced() const { return timing_.began & kTraced; }
  Timing timing() const { return timing_; }

 private:
  Block& block_;
  Timing timing_ = {};  // began 0: not timed
};

}  // namespace bt::metrics
