/* SPDX-License-Identifier: MIT */
/* opens: every open, as opensnoop shows it: who, what, with which flags, what came of it, who served it.
 *   btfuse hook load opens; btfuse hook read opens --follow */
#include "btfuse.bpf.h"

struct opens_record {
  __u64 time_ns;
  __u32 pid;
  __u32 tid;
  __u32 uid;
  __s32 result;
  __u32 flags;
  __u32 served;
  char comm[16];
  char path[80];
};
BTFUSE_RECORD(opens);

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} opens SEC(".maps");

/* Only this process; 0 = all. */
const volatile __u32 only_pid = 0;
/* Only opens that failed. */
const volatile _Bool only_failed = 0;

SEC("btfuse/exit/open")
int on_open(struct btfuse_ctx *ctx) {
  __u64 id = bpf_get_current_pid_tgid();
  if (only_pid && only_pid != id >> 32) return 0;
  if (only_failed && ctx->ret >= 0) return 0;
  struct opens_record *record = bpf_ringbuf_reserve(&opens, sizeof *record, 0);
  if (!record) return 0;
  record->time_ns = bpf_ktime_get_coarse_ns();
  record->pid = id >> 32;
  record->tid = (__u32)id;
  record->uid = (__u32)bpf_get_current_uid_gid();
  record->result = (__s32)ctx->ret;
  record->flags = (__u32)ctx->flags;
  record->served = ctx->served;
  bpf_get_current_comm(record->comm, sizeof record->comm);
  bpf_probe_read_user_str(record->path, sizeof record->path, (void *)ctx->path);
  bpf_ringbuf_submit(record, 0);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
