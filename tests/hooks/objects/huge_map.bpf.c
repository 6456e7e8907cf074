// SPDX-License-Identifier: MIT
// refused: too
#include "case.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 100000000);
  __type(key, __u32);
  __type(value, __u64);
} big SEC(".maps");

PROGRAM {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&big, &zero) != 0;
}
