// SPDX-License-Identifier: MIT
// refused: map type not supported
#include "case.h"

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} sockets SEC(".maps");

PROGRAM { return bpf_map_delete_elem(&sockets, &ctx->id) != 0; }
