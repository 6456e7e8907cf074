// SPDX-License-Identifier: MIT
// What the verifier's cases share: the facts sheet's table, in C. The second line of each case says the verdict.
#pragma once
// bpf_helpers.h needs the types before it.
// clang-format off
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
// clang-format on

struct enter {
  __u64 entry;
  long id;
  unsigned long args[6];
};

struct value {
  __u64 slots[48];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct value);
} values SEC(".maps");

#define PROGRAM                               \
  char LICENSE[] SEC("license") = "GPL";      \
  SEC("tracepoint/syscalls/sys_enter_openat") \
  int program(struct enter* ctx)

static __always_inline struct value* the_value(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&values, &zero);
}
