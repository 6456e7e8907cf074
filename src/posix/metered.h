// SPDX-License-Identifier: MIT
// A handler as the agent calls it: it counts, and now and then times, what the function of the same name in
// call_<family>.cc does, which is compiled into it. A call that turns out to have nothing to do with a mount of ours is not
// counted.
#pragma once

#include "metrics/meter.h"
#include "posix/thread.h"

namespace bt::posix {

using Serve = int64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct CallName {
  uint16_t number;
  metrics::Operation operation;
};

inline bool has_block(const ThreadState& self, const Mount* mount) {
  return mount && (self.attached >> mount->index & 1);
}

// Somebody traces, or it is not known yet whether he does: what is done to which file is noted on the way.
void begin_facts(ThreadState& self);
// A call that is timed ends.
void finish_timed(ThreadState& self, metrics::Meter meter, CallName name, Way way, int64_t result);
// The same of a call of which only now is known which mount it was about: a thread's first, or one that went to another
// mount than the one before. began: clock ticks; 0 = not known, and no facts were noted.
void finish_late(ThreadState& self, uint64_t began, CallName name, Way way, int64_t result);

// Bytes of file data, where a call's result says how many (kPassthrough is negative): copies between descriptors are neither.
inline void count_bytes(metrics::Block& block, metrics::Operation operation, int64_t result) {
  if (result <= 0) return;
  if (operation == metrics::Operation::k_read)
    metrics::count_event(block, metrics::Event::k_bytes_read, static_cast<uint64_t>(result));
  if (operation == metrics::Operation::k_write)
    metrics::count_event(block, metrics::Event::k_bytes_written, static_cast<uint64_t>(result));
}

// The mount of the thread's last call is as good a guess as any for this one's.
template <Serve serve>
inline int64_t metered(CallName name, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                       uint64_t f) {
  ThreadState& self = thread_state;
  Mount* guess = self.touched;
  self.touched = nullptr;
  self.passed = Way::k_passed_other;
  self.tracing = false;
  metrics::Meter meter;
  uint64_t began = 0;
  if (has_block(self, guess)) [[likely]] {
    meter = metrics::Meter(*self.engine[guess->index].block, guess->volume.control());
    if (meter.traced()) [[unlikely]]
      begin_facts(self);
  } else {
    began = metrics::clock_ticks();
    begin_facts(self);
  }
  int64_t result = serve(a, b, c, d, e, f);
  Mount* touched = self.touched;
  if (!has_block(self, touched)) [[unlikely]] {
    self.touched = guess;
    return result;
  }
  metrics::Block& block = *self.engine[touched->index].block;
  Way way = result == kPassthrough ? self.passed : Way::k_in_process;
  metrics::count(block, name.operation, way);
  count_bytes(block, name.operation, result);
  if (touched != guess) [[unlikely]]
    finish_late(self, began, name, way, result);
  else if (meter.is_timed()) [[unlikely]]
    finish_timed(self, meter, name, way, result);
  return result;
}

}  // namespace bt::posix
