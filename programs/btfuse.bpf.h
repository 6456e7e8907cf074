/* SPDX-License-Identifier: MIT */
/* For eBPF programs on bt_fuse's own attach points: SEC("btfuse/decide/OP"), SEC("btfuse/enter/OP"), SEC("btfuse/exit/OP").
 * The same layout as src/hooks/context_format.h. docs/hooks.md explains the fields. */
#ifndef BTFUSE_BPF_H
#define BTFUSE_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct btfuse_ctx {
  __u32 op;        /* enum btfuse_op */
  __u32 action;    /* decide programs write it: enum btfuse_action */
  __s64 ret;       /* decide: the answer of a denied call (-errno); exit: the result */
  __s64 nr;        /* system call number */
  __u64 args[6];   /* as the application passed them */
  __u64 path;      /* address of the path argument, 0 = none: read it with bpf_probe_read_user_str */
  __u64 path2;     /* of the second one (rename, link) */
  __u64 mount;     /* 0 = the call is not about a bt_fuse mount */
  __u64 inode;     /* where a descriptor tells it */
  __u64 flags;     /* open flags of an open */
  __s32 fd;        /* descriptor or directory descriptor, -1 = none */
  __u32 served;    /* enum btfuse_served; in exit programs */
};

enum btfuse_action { BTFUSE_SERVE = 0, BTFUSE_KERNEL = 1, BTFUSE_DENY = 2 };
enum btfuse_served { BTFUSE_UNKNOWN = 0, BTFUSE_IN_PROCESS = 1, BTFUSE_BY_KERNEL = 2, BTFUSE_DENIED = 3 };

/* In the order of src/hooks/ops.def. */
enum btfuse_op {
  BTFUSE_OPEN, BTFUSE_CLOSE, BTFUSE_READ, BTFUSE_WRITE, BTFUSE_STAT, BTFUSE_ACCESS, BTFUSE_READLINK,
  BTFUSE_READDIR, BTFUSE_MKDIR, BTFUSE_MKNOD, BTFUSE_UNLINK, BTFUSE_RMDIR, BTFUSE_RENAME, BTFUSE_LINK,
  BTFUSE_SYMLINK, BTFUSE_CHMOD, BTFUSE_CHOWN, BTFUSE_UTIMENS, BTFUSE_TRUNCATE, BTFUSE_FALLOCATE,
  BTFUSE_FSYNC, BTFUSE_SEEK, BTFUSE_STATFS, BTFUSE_XATTR, BTFUSE_LOCK, BTFUSE_FCNTL, BTFUSE_MMAP,
  BTFUSE_CHDIR, BTFUSE_EXEC, BTFUSE_OP_COUNT
};

/* The call's path made absolute (symbolic links are not followed). Prefixes are whole names: /a/b is a prefix of /a/b/c,
 * not of /a/bc. Size counts the constant's bytes; trailing zeros are not compared, and an empty text never matches. */
static long (*btfuse_path_has_prefix)(struct btfuse_ctx *ctx, const void *prefix, __u32 size) = (void *)2000;
static long (*btfuse_path_has_suffix)(struct btfuse_ctx *ctx, const void *suffix, __u32 size) = (void *)2001;
/* Copies it, cut to size - 1 characters and terminated; returns the copied length with the terminator. */
static long (*btfuse_path_copy)(struct btfuse_ctx *ctx, void *out, __u32 size) = (void *)2002;
/* The second path of rename and link. */
static long (*btfuse_path2_has_prefix)(struct btfuse_ctx *ctx, const void *prefix, __u32 size) = (void *)2003;

/* Keeps a record's type in the object, so that `btfuse hook read` prints its fields. */
#define BTFUSE_RECORD(map) const struct map##_record *btfuse_unused_##map __attribute__((unused))

static __attribute__((always_inline)) inline int btfuse_deny(struct btfuse_ctx *ctx, int error) {
  ctx->ret = -error;
  ctx->action = BTFUSE_DENY;
  return 0;
}

#endif
