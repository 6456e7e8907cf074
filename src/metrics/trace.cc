// SPDX-License-Identifier: MIT
#include "metrics/trace.h"

#include "base/fence.h"

namespace bt::metrics {

void trace(Block& block, Timing timing, const TracedCall& call) {
  // A signal handler of this thread may trace too: the number is taken in one instruction, so records are never shared.
  uint64_t number = __atomic_add_fetch(&block.trace_head, 1, __ATOMIC_RELAXED);
  TraceRecord& record = block.trace[number % kTraceRecords];
  __atomic_store_n(&record.sequence, 0, __ATOMIC_RELAXED);
  base::fence<__ATOMIC_RELEASE>();  // pairs with the fence in read_trace
  record.ticks = timing.ended;
  uint64_t duration = timing.ended - timing.began;
  record.duration = duration > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(duration);
  record.result = call.result;
  record.pid = call.pid;
  record.fd = call.fd;
  record.call = call.call;
  record.operation = static_cast<uint8_t>(call.operation);
  record.way = static_cast<uint8_t>(call.way);
  record.inode = call.inode;
  record.path_size = static_cast<uint16_t>(call.path_size);
  // The end of a long path says more than its beginning.
  uint32_t kept = call.path_kept < kTracePathBytes ? call.path_kept : kTracePathBytes;
  for (uint32_t i = 0; i < kept; i++) record.path[i] = call.path[call.path_kept - kept + i];
  __atomic_store_n(&record.sequence, number, __ATOMIC_RELEASE);
}

bool read_trace(const Block& block, uint64_t number, TraceRecord& out) {
  const TraceRecord& record = block.trace[number % kTraceRecords];
  if (__atomic_load_n(&record.sequence, __ATOMIC_ACQUIRE) != number) return false;
  out = record;
  base::fence<__ATOMIC_ACQUIRE>();  // pairs with the fence in trace
  return __atomic_load_n(&record.sequence, __ATOMIC_RELAXED) == number;
}

}  // namespace bt::metrics
