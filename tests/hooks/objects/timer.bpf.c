// SPDX-License-Identifier: MIT
// refused: helper bpf_timer_init does not exist here
#include "case.h"

struct slot {
  struct bpf_timer timer;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct slot);
} timers SEC(".maps");

PROGRAM {
  __u32 zero = 0;
  struct slot* slot = bpf_map_lookup_elem(&timers, &zero);
  if (slot) bpf_timer_init(&slot->timer, &timers, 1);
  return 0;
}
