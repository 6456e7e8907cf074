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

// For a call of which nobody can say yet which mount it will be about.
bool is_any_traced() {
  for (uint32_t i = 0; i < mount_count; i++)
    if (metrics::load_relaxed(mounts[i].volume.superblock().trace_until)) return true;
  return false;
}

}  // namespace

[[gnu::cold]] void begin_timed(ThreadState& self) {
  engine::Thread* guess = self.guess;
  self.guess = nullptr;
  self.guess_before = guess;
  if (guess)
    self.began = metrics::begin_timing(*guess->block, guess->volume->superblock().trace_until);
  else
    self.began = is_any_traced() ? metrics::clock_ticks() | metrics::kTraced : 0;
  self.tracing = self.began & metrics::kTraced;
  if (!self.tracing) return;
  self.traced.fd = -1;
  self.traced.inode = 0;
  self.traced.path_size = 0;
}

[[gnu::cold]] void end_timed(ThreadState& self, CallName name, Way way, int64_t result) {
  engine::Thread& touched = *self.touched;
  engine::Thread* before = self.guess ? self.guess : self.guess_before;
  uint64_t began = self.guess ? 0 : self.began;
  if (before != &touched)
    began = metrics::begin_timing_late(touched.volume->superblock().trace_until,
                                       began ? began : metrics::clock_ticks());
  self.guess = &touched;
  if (began) {
    metrics::Timing timing = metrics::end_timing(*touched.block, began, name.operation, way);
    if (began & metrics::kTraced) trace_call(self, timing, name, way, result);
  }
  self.tracing = false;
}

[[gnu::cold]] void end_untouched(ThreadState& self) {
  self.guess = self.guess_before;
  self.tracing = false;
}

Error pass(Way reason) {
  thread_state.passed = reason;
  return error::not_ours;
}

}  // namespace bt::posix
