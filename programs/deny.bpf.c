/* SPDX-License-Identifier: MIT */
/* deny: a policy for cooperating programs (docs/hooks.md says what it is not): one subtree may not be changed (EROFS), and
 * files with certain suffixes may not be opened, made or renamed (EACCES).
 *   btfuse hook load deny --set read_only=/mnt/x/archive --set suffix_0=.exe --set suffix_1=.scr */
#include "btfuse.bpf.h"

#define EACCES 13
#define EROFS 30
#define O_ACCMODE 3
#define O_CREAT 0100
#define O_TRUNC 01000

const volatile char read_only[128] = "";
const volatile char suffix_0[16] = "";
const volatile char suffix_1[16] = "";
const volatile char suffix_2[16] = "";
const volatile char suffix_3[16] = "";

/* What was denied, by operation. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, BTFUSE_OP_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} denied SEC(".maps");

static __always_inline int deny(struct btfuse_ctx *ctx, int error) {
  __u32 op = ctx->op;
  __u64 *count = bpf_map_lookup_elem(&denied, &op);
  if (count) __sync_fetch_and_add(count, 1);
  return btfuse_deny(ctx, error);
}

static __always_inline _Bool is_forbidden(struct btfuse_ctx *ctx) {
  if (suffix_0[0] && btfuse_path_has_suffix(ctx, (void *)suffix_0, sizeof suffix_0)) return 1;
  if (suffix_1[0] && btfuse_path_has_suffix(ctx, (void *)suffix_1, sizeof suffix_1)) return 1;
  if (suffix_2[0] && btfuse_path_has_suffix(ctx, (void *)suffix_2, sizeof suffix_2)) return 1;
  if (suffix_3[0] && btfuse_path_has_suffix(ctx, (void *)suffix_3, sizeof suffix_3)) return 1;
  return 0;
}

static __always_inline _Bool is_read_only(struct btfuse_ctx *ctx) {
  return read_only[0] && btfuse_path_has_prefix(ctx, (void *)read_only, sizeof read_only);
}

SEC("btfuse/decide/open")
int on_open(struct btfuse_ctx *ctx) {
  if (is_forbidden(ctx)) return deny(ctx, EACCES);
  _Bool changes = (ctx->flags & O_ACCMODE) || (ctx->flags & (O_CREAT | O_TRUNC));
  if (changes && is_read_only(ctx)) return deny(ctx, EROFS);
  return 0;
}

#define CHANGES(op)                                  \
  SEC("btfuse/decide/" #op)                          \
  int on_##op(struct btfuse_ctx *ctx) {              \
    return is_read_only(ctx) ? deny(ctx, EROFS) : 0; \
  }
CHANGES(mkdir)
CHANGES(mknod)
CHANGES(unlink)
CHANGES(rmdir)
CHANGES(symlink)
CHANGES(chmod)
CHANGES(chown)
CHANGES(utimens)
CHANGES(truncate)

static __always_inline int two_paths(struct btfuse_ctx *ctx) {
  if (is_forbidden(ctx)) return deny(ctx, EACCES);
  if (is_read_only(ctx)) return deny(ctx, EROFS);
  if (read_only[0] && btfuse_path2_has_prefix(ctx, (void *)read_only, sizeof read_only)) return deny(ctx, EROFS);
  return 0;
}

SEC("btfuse/decide/rename")
int on_rename(struct btfuse_ctx *ctx) { return two_paths(ctx); }

SEC("btfuse/decide/link")
int on_link(struct btfuse_ctx *ctx) { return two_paths(ctx); }

char LICENSE[] SEC("license") = "Dual MIT/GPL";
