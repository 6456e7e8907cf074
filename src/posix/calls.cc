// SPDX-License-Identifier: MIT
#include "base/bytes.h"
#include "metrics/trace.h"
#include "posix/metered.h"

namespace bt::posix {

namespace {

// Who did what to which file, as noted on the way.
void trace_call(ThreadState& self, metrics::Block& block, const metrics::Meter& meter,
                CallName name, Way way, int64_t result) {
  metrics::TracedCall call;
  call.operation = name.operation;
  call.way = way;
  call.call = name.number;
  call.pid = self.files->identity.pid ? self.files->identity.pid
                                      : self.engine[self.touched->index].thread_id;
  call.result = way == Way::k_in_process ? result : 0;
  if (self.tracing) {
    call.fd = self.traced.fd;
    call.inode = self.traced.inode;
    call.path = self.traced.path;
    call.path_size = self.traced.path_size;
    call.path_kept = base::min(self.traced.path_size, kTracedPathBytes);
  }
  metrics::trace(block, meter, call);
}

}  // namespace

[[gnu::cold]] void begin_facts(ThreadState& self) {
  self.tracing = true;
  self.traced.fd = -1;
  self.traced.inode = 0;
  self.traced.path_size = 0;
}

[[gnu::cold]] void finish_timed(ThreadState& self, metrics::Meter meter, CallName name, Way way,
                                int64_t result) {
  meter.finish(name.operation, way);
  if (meter.traced())
    trace_call(self, *self.engine[self.touched->index].block, meter, name, way, result);
}

[[gnu::cold]] void finish_late(ThreadState& self, uint64_t began, CallName name, Way way,
                               int64_t result) {
  metrics::Meter meter(*self.engine[self.touched->index].block, self.touched->volume.control(),
                       began ? began : metrics::clock_ticks());
  if (meter.is_timed()) finish_timed(self, meter, name, way, result);
}

Error pass(Way reason) {
  thread_state.passed = reason;
  return error::not_ours;
}

}  // namespace bt::posix
