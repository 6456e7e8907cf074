// SPDX-License-Identifier: MIT
// A handler as the agent calls it: it counts, and now and then times, what the function of the same name in
// call_<family>.cc does, which is compiled into it. A call that turns out to have nothing to do with a mount of ours is not
// counted.
#pragma once

#include <cerrno>

#include "metrics/meter.h"
#include "posix/thread.h"

namespace bt::posix {

using Serve = int64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct CallName {
  uint16_t number;
  metrics::Operation operation;
};

// A call begins that is timed, or whose slot is not known yet: notes when, forgets the guess until the call ends, and has noted
// on the way what is done to which file if somebody traces.
void begin_timed(ThreadState& self);
// A call ends that was begun so, or was about another mount than was guessed: times it, and guesses its slot from now on.
void end_timed(ThreadState& self, CallName name, Way way, int64_t result);
// A call ends that had nothing to do with a mount, and was begun so: the guess is what it was.
void end_untouched(ThreadState& self);

// Bytes of file data, where a call's result says how many (kPassthrough is negative): copies between descriptors are neither.
inline void count_bytes(metrics::Block& block, metrics::Operation operation, int64_t result) {
  if (result <= 0) return;
  if (operation == metrics::Operation::k_read)
    metrics::count_event(block, metrics::Event::k_bytes_read, static_cast<uint64_t>(result));
  if (operation == metrics::Operation::k_write)
    metrics::count_event(block, metrics::Event::k_bytes_written, static_cast<uint64_t>(result));
}

// A call that has walked to an inode which the cache threw out before it was used walks again.
inline constexpr uint32_t kWalksAgain = 3;

// The mount of the thread's last call is as good a guess as any for this one's. kWalks: the call has a path.
template <Serve serve, bool kWalks>
inline int64_t metered(CallName name, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                       uint64_t f) {
#ifdef BT_UNCOUNTED  // bench/counter_cost.sh: what the rest of this costs
  return serve(a, b, c, d, e, f);
#endif
  ThreadState& self = thread_state;
  if (!self.guess || metrics::count_down(*self.guess->block)) [[unlikely]]
    begin_timed(self);
  self.touched = nullptr;
  self.passed = Way::k_passed_other;
  int64_t result;
  if constexpr (kWalks) {
    uint32_t again = kWalksAgain;
    do {
      self.may_be_stale = false;
      result = serve(a, b, c, d, e, f);
    } while (result == -ESTALE && self.may_be_stale && again-- > 0);
  } else {
    result = serve(a, b, c, d, e, f);
  }
  engine::Thread* touched = self.touched;
  if (!touched) [[unlikely]] {
    if (!self.guess) end_untouched(self);
    return result;
  }
  metrics::Block& block = *touched->block;
  Way way = result == kPassthrough ? self.passed : Way::k_in_process;
  metrics::count(block, name.operation, way);
  count_bytes(block, name.operation, result);
  if (touched != self.guess) [[unlikely]]
    end_timed(self, name, way, result);
  return result;
}

}  // namespace bt::posix
