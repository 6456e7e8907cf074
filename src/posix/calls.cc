// SPDX-License-Identifier: MIT
#include "base/bytes.h"
#include "metrics/trace.h"
#include "posix/metered.h"

namespace bt::posix {

namespace {

// Who did what to which file, as noted on the way.
void trace_call(ThreadState& self, metrics::Timing timing, CallName name, Way way, int64_t result) {
  metrics::TracedCall call;
  call.operation = name.operation;
  call.way = way;
  call.call = name.number;
  call.pid = self.files->identity.pid ? self.files->identity.pid : self.touched->thread_id;
  call.result = way == Way::k_in_process ? result : 0;
  if (self.tracing) {
    call.fd = self.traced.fd;
    call.inode = self.traced.inode;
    call.path = self.traced.path;
    call.path_size = self.traced.path_size;
    call.path_kept = base::min(self.traced.path_size, kTracedPathBytes);
  }
  metrics::trace(*self.touched->block, timing, call);
}

}  // namespace

[[gnu::cold]] uint64_t begin_timed(ThreadState& self, engine::Thread* guess) {
  uint64_t began = guess ? metrics::begin_timing(*guess->block, guess->volume->control())
                         : metrics::clock_ticks();
  if (!guess || (began & metrics::kTraced)) {
    self.tracing = true;
    self.traced.fd = -1;
    self.traced.inode = 0;
    self.traced.path_size = 0;
  }
  return began;
}

[[gnu::cold]] void end_timed(ThreadState& self, engine::Thread* guess, uint64_t began,
                             CallName name, Way way, int64_t result) {
  metrics::Block& block = *self.touched->block;
  if (guess != self.touched)
    began = metrics::begin_timing_late(self.touched->volume->control(),
                                       began ? began : metrics::clock_ticks());
  if (!began) return;
  metrics::Timing timing = metrics::end_timing(block, began, name.operation, way);
  if (began & metrics::kTraced) trace_call(self, timing, name, way, result);
}

Error pass(Way reason) {
  thread_state.passed = reason;
  return error::not_ours;
}

}  // namespace bt::posix
