/* SPDX-License-Identifier: MIT */
/* kernel-route: calls by path below a prefix are handed to the kernel, although they could be served in-process: to compare,
 * or to have another FUSE feature see them. What was opened in-process before stays so.
 *   btfuse hook load kernel-route --set prefix=/mnt/x/shared */
#include "btfuse.bpf.h"

const volatile char prefix[128] = "";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} routed SEC(".maps");

SEC("btfuse/decide/all")
int on_call(struct btfuse_ctx *ctx) {
  if (!prefix[0] || !ctx->path) return 0;
  if (!btfuse_path_has_prefix(ctx, (void *)prefix, sizeof prefix)) return 0;
  __u32 zero = 0;
  __u64 *count = bpf_map_lookup_elem(&routed, &zero);
  if (count) __sync_fetch_and_add(count, 1);
  ctx->action = BTFUSE_KERNEL;
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
