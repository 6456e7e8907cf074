// SPDX-License-Identifier: MIT
// refused: neither submitted nor discarded
#include "case.h"

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} ring SEC(".maps");

PROGRAM {
  __u64* record = bpf_ringbuf_reserve(&ring, 8, 0);
  if (record && ctx->id == 1) bpf_ringbuf_discard(record, 0);
  return 0;
}
