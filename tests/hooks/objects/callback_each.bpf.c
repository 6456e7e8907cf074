// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

static long add(void* map, __u32* key, __u64* value, __u64* sum) {
  *sum += *key + *value;
  *value = 0;
  return 0;
}

PROGRAM {
  __u64 sum = 0;
  bpf_for_each_map_elem(&counters, add, &sum, 0);
  struct value* v = the_value();
  if (v) v->slots[1] = sum;
  return 0;
}
