/* SPDX-License-Identifier: MIT */
/* latency: per operation, how often and how long: histograms by powers of two of nanoseconds.
 *   btfuse hook load latency; … ; btfuse hook maps latency --map histogram
 * Entry `64 × operation + n` counts calls that took 2^n to 2^(n+1) ns; entry `operation` of `total_ns` sums them. */
#include "btfuse.bpf.h"

#define BUCKETS 64

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8192);
  __type(key, __u32);
  __type(value, __u64);
} started SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, BUCKETS *BTFUSE_OP_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} histogram SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, BTFUSE_OP_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} total_ns SEC(".maps");

static __always_inline __u32 log2_of(__u64 value) {
  __u32 result = 0;
  if (value >> 32) result += 32, value >>= 32;
  if (value >> 16) result += 16, value >>= 16;
  if (value >> 8) result += 8, value >>= 8;
  if (value >> 4) result += 4, value >>= 4;
  if (value >> 2) result += 2, value >>= 2;
  if (value >> 1) result += 1;
  return result;
}

SEC("btfuse/enter/all")
int on_enter(struct btfuse_ctx *ctx) {
  __u32 tid = (__u32)bpf_get_current_pid_tgid();
  __u64 now = bpf_ktime_get_ns();
  bpf_map_update_elem(&started, &tid, &now, BPF_ANY);
  return 0;
}

SEC("btfuse/exit/all")
int on_exit(struct btfuse_ctx *ctx) {
  __u32 tid = (__u32)bpf_get_current_pid_tgid();
  __u64 *start = bpf_map_lookup_elem(&started, &tid);
  if (!start || !*start) return 0;
  __u64 took = bpf_ktime_get_ns() - *start;
  *start = 0;
  __u32 op = ctx->op;
  __u32 bucket = op * BUCKETS + (log2_of(took) & (BUCKETS - 1));
  __u64 *count = bpf_map_lookup_elem(&histogram, &bucket);
  if (count) *count += 1;
  __u64 *sum = bpf_map_lookup_elem(&total_ns, &op);
  if (sum) *sum += took;
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
