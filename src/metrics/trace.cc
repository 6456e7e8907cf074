// SPDX-License-Identifier: MIT
#include "metrics/trace.h"

#include "base/fence.h"

namespace bt::metrics {

using base::store_relaxed;

void trace(Block& block, Timing timing, const TracedCall& call) {
  // A signal handler of this thread may trace too: the number is taken in one instruction, so records are never shared.
  uint64_t number = __atomic_add_fetch(&block.trace_head, 1, __ATOMIC_RELAXED);
  TraceRecord& record = block.trace[number % kTraceRecords];
  __atomic_store_n(&record.sequence, 0, __ATOMIC_RELAXED);
  base::fence<__ATOMIC_RELEASE>();  // pairs with the fence in read_trace
  store_relaxed(record.ticks, timing.ended);
  uint64_t duration = timing.ended - timing.began;
  store_relaxed(record.duration,
                static_cast<uint32_t>(duration > UINT32_MAX ? UINT32_MAX : duration));
  store_relaxed(record.result, call.result);
  store_relaxed(record.pid, call.pid);
  store_relaxed(record.fd, call.fd);
  store_relaxed(record.call, call.call);
  store_relaxed(record.operation, static_cast<uint8_t>(call.operation));
  store_relaxed(record.way, static_cast<uint8_t>(call.way));
  store_relaxed(record.inode, call.inode);
  store_relaxed(record.path_size, static_cast<uint16_t>(call.path_size));
  // The end of a long path says more than its beginning.
  uint32_t kept = call.path_kept < kTracePathBytes ? call.path_kept : kTracePathBytes;
  for (uint32_t i = 0; i < kept; i++)
    store_relaxed(record.path[i], call.path[call.path_kept - kept + i]);
  __atomic_store_n(&record.sequence, number, __ATOMIC_RELEASE);
}

bool read_trace(const Block& block, uint64_t number, TraceRecord& out) {
  const TraceRecord& record = block.trace[number % kTraceRecords];
  if (__atomic_load_n(&record.sequence, __ATOMIC_ACQUIRE) != number) return false;
  base::load_words_relaxed(record, out);
  base::fence<__ATOMIC_ACQUIRE>();  // pairs with the fence in trace
  return __atomic_load_n(&record.sequence, __ATOMIC_RELAXED) == number;
}

}  // namespace bt::metrics
