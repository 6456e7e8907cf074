/* SPDX-License-Identifier: MIT */
/* prefixes: calls with a path, counted by the first names of that path.
 *   btfuse hook load prefixes --set depth=2; … ; btfuse hook maps prefixes --map calls */
#include "btfuse.bpf.h"

#define PREFIX_SIZE 64

/* How many names: 2 counts /mnt/x/a/b under /mnt/x. */
const volatile __u32 depth = 2;

struct prefix {
  char text[PREFIX_SIZE];
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, struct prefix);
  __type(value, __u64);
} calls SEC(".maps");

SEC("btfuse/enter/all")
int on_enter(struct btfuse_ctx *ctx) {
  struct prefix whole, key = {};
  if (!ctx->path) return 0;
  if (btfuse_path_copy(ctx, whole.text, sizeof whole.text) <= 1) return 0;
  __u32 names = 0;
  for (int i = 0; i < PREFIX_SIZE - 1; i++) {
    char c = whole.text[i];
    if (!c) break;
    if (c == '/' && i > 0 && ++names >= depth) break;
    key.text[i] = c;
  }
  __u64 one = 1;
  __u64 *count = bpf_map_lookup_elem(&calls, &key);
  if (count)
    __sync_fetch_and_add(count, 1);
  else if (bpf_map_update_elem(&calls, &key, &one, BPF_NOEXIST)) {
    count = bpf_map_lookup_elem(&calls, &key); /* another thread was first */
    if (count) __sync_fetch_and_add(count, 1);
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
