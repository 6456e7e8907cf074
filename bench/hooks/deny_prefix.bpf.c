/* SPDX-License-Identifier: MIT */
/* A policy that looks at every stat's path and lets it pass: what a decision costs that denies nothing. */
#include "btfuse.bpf.h"

SEC("btfuse/decide/stat")
int decide(struct btfuse_ctx *ctx) {
  if (btfuse_path_has_prefix(ctx, "/no/such/place", 14)) return btfuse_deny(ctx, 13);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
