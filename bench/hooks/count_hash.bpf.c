/* SPDX-License-Identifier: MIT */
/* Calls a process: a counter in a hash by pid. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

SEC("tracepoint/raw_syscalls/sys_enter")
int count(void *ctx) {
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  __u64 one = 1;
  __u64 *value = bpf_map_lookup_elem(&counters, &pid);
  if (value)
    __sync_fetch_and_add(value, 1);
  else
    bpf_map_update_elem(&counters, &pid, &one, BPF_NOEXIST);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
