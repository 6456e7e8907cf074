/* SPDX-License-Identifier: MIT */
/* access-log: one JSON line for every call by path, and for reads and writes if asked.
 *   btfuse hook load access-log; btfuse hook read access-log --follow > access.jsonl */
#include "btfuse.bpf.h"

struct calls_record {
  __u64 time_ns;
  __u32 pid;
  __u32 uid;
  __s64 result;
  __u64 mount;
  __u64 inode;
  __s32 call;
  __s32 fd;
  __u32 operation;
  __u32 served;
  char comm[16];
  char path[160];
};
BTFUSE_RECORD(calls);

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 << 20);
} calls SEC(".maps");

/* Only calls about bt_fuse mounts. */
const volatile _Bool only_mounts = 0;
/* Calls on descriptors too. */
const volatile _Bool descriptors = 0;

SEC("btfuse/exit/all")
int on_exit(struct btfuse_ctx *ctx) {
  if (only_mounts && !ctx->mount) return 0;
  if (!descriptors && !ctx->path) return 0;
  struct calls_record *record = bpf_ringbuf_reserve(&calls, sizeof *record, 0);
  if (!record) return 0;
  record->time_ns = bpf_ktime_get_ns();
  record->pid = bpf_get_current_pid_tgid() >> 32;
  record->uid = (__u32)bpf_get_current_uid_gid();
  record->result = ctx->ret;
  record->mount = ctx->mount;
  record->inode = ctx->inode;
  record->call = (__s32)ctx->nr;
  record->fd = ctx->fd;
  record->operation = ctx->op;
  record->served = ctx->served;
  bpf_get_current_comm(record->comm, sizeof record->comm);
  btfuse_path_copy(ctx, record->path, sizeof record->path);
  bpf_ringbuf_submit(record, 0);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
