/* SPDX-License-Identifier: MIT */
/* The same counter without an atomic operation: every thread has its own. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} counter SEC(".maps");

SEC("tracepoint/raw_syscalls/sys_enter")
int count(void *ctx) {
  __u32 zero = 0;
  __u64 *value = bpf_map_lookup_elem(&counter, &zero);
  if (value) *value += 1;
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
