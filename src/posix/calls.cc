// SPDX-License-Identifier: MIT
// The handlers as the agent calls them: each counts, and now and then times, what the function of the same name in
// call_<family>.cc does. A call that turns out to have nothing to do with a mount of ours is not counted.
#include "posix/calls.h"

#include <sys/syscall.h>

#include "base/bytes.h"
#include "metrics/trace.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

using Serve = int64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
using metrics::Operation;

struct CallName {
  uint16_t number;
  Operation operation;
};

metrics::Block& block_of(ThreadState& self, const Mount& mount) {
  return *static_cast<metrics::Block*>(
      mount.volume.metrics_block(self.engine[mount.index].slot_index));
}
metrics::Control& control_of(const Mount& mount) {
  return *static_cast<metrics::Control*>(mount.volume.metrics_block(engine::SlotIndex::kNone));
}
bool has_block(const ThreadState& self, const Mount* mount) {
  return mount && (self.attached >> mount->index & 1);
}

// Somebody traces: who did what to which file, as noted on the way.
[[gnu::noinline, gnu::cold]] void trace_call(ThreadState& self, metrics::Block& block,
                                             const metrics::Meter& meter, CallName name, Way way,
                                             int64_t result) {
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

[[gnu::noinline, gnu::cold]] void begin_facts(ThreadState& self) {
  self.tracing = true;
  self.traced.fd = -1;
  self.traced.inode = 0;
  self.traced.path_size = 0;
}

// Bytes of file data, where a call's result says how many (kPassthrough is negative): copies between descriptors are neither.
inline void count_bytes(metrics::Block& block, Operation operation, int64_t result) {
  if (result <= 0) return;
  if (operation == Operation::k_read)
    metrics::count_event(block, metrics::Event::k_bytes_read, static_cast<uint64_t>(result));
  if (operation == Operation::k_write)
    metrics::count_event(block, metrics::Event::k_bytes_written, static_cast<uint64_t>(result));
}

// Counts a call of which only now is known which mount it was about: a thread's first, or one that went to another mount than
// the one before. `began`: clock ticks. What is traced of it lacks a path and a descriptor unless they were noted.
[[gnu::noinline, gnu::cold]] void count_late(ThreadState& self, CallName name, uint64_t began,
                                             Way way, int64_t result) {
  Mount& mount = *self.touched;
  metrics::Block& block = block_of(self, mount);
  metrics::Meter meter(block, control_of(mount), began);
  meter.served(name.operation, way);
  if (way == Way::k_in_process) count_bytes(block, name.operation, result);
  if (meter.traced()) trace_call(self, block, meter, name, way, result);
}

// The mount of the thread's last call is as good a guess as any for this one's.
template <Serve serve>
int64_t metered(CallName name, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                uint64_t f) {
  ThreadState& self = thread_state;
  Mount* guess = self.touched;
  self.touched = nullptr;
  self.passed = Way::k_passed_other;
  if (!has_block(self, guess)) [[unlikely]] {
    uint64_t began = metrics::clock_ticks();
    begin_facts(self);  // nobody knows yet whether they are wanted
    int64_t result = serve(a, b, c, d, e, f);
    if (has_block(self, self.touched))
      count_late(self, name, began, result == kPassthrough ? self.passed : Way::k_in_process,
                 result);
    return result;
  }
  metrics::Block& block = block_of(self, *guess);
  metrics::Meter meter(block, control_of(*guess));
  self.tracing = false;
  if (meter.traced()) [[unlikely]]
    begin_facts(self);
  int64_t result = serve(a, b, c, d, e, f);
  Way way = result == kPassthrough ? self.passed : Way::k_in_process;
  if (self.touched == guess) [[likely]] {
    meter.served(name.operation, way);
    count_bytes(block, name.operation, result);
    if (meter.traced()) [[unlikely]]
      trace_call(self, block, meter, name, way, result);
  } else if (has_block(self, self.touched)) {
    count_late(self, name, metrics::clock_ticks(), way, result);
  } else {
    self.touched = guess;
  }
  return result;
}

}  // namespace

#define BT_POSIX_CALL(name)                                                                      \
  int64_t call_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {  \
    return metered<serve_##name>({SYS_##name, metrics::call_operation::name}, a, b, c, d, e, f); \
  }
#include "posix/calls.def"
#undef BT_POSIX_CALL

Error pass(Way reason) {
  thread_state.passed = reason;
  return error::not_ours;
}

}  // namespace bt::posix
