// SPDX-License-Identifier: MIT
// The last calls of a thread, for `btfuse trace`. Each block has a ring with one writer, its thread; a reader that is too slow
// loses the oldest records and can tell how many. Nothing is written unless somebody traces.
#pragma once

#include "metrics/meter.h"

namespace bt::metrics {

struct TracedCall {
  Operation operation = Operation::k_other;
  Way way = Way::k_in_process;
  uint16_t call = kNoCall;  // system call number
  uint32_t pid = 0;
  int32_t fd = -1;
  int64_t result = 0;
  uint64_t inode = 0;
  const char* path = nullptr;  // need not be terminated
  uint32_t path_kept = 0;      // bytes at `path`: the end of the path
  uint32_t path_size = 0;
};

void trace(Block& block, Timing timing, const TracedCall& call);

// Reads one record if it is there and whole: number from 1 up. False when it was overwritten or is not written yet.
bool read_trace(const Block& block, uint64_t number, TraceRecord& out);

}  // namespace bt::metrics
