// SPDX-License-Identifier: MIT
// Counts what a FUSE mount costs: requests of one connection by opcode with their latency, and system calls and context
// switches of the watched processes. Kernel eBPF on BTF tracepoints; needs no kernel headers: the few fields it reads are
// declared here and found by CO-RE.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cli/crossings/crossings_format.h"

#define BT_KERNEL __attribute__((preserve_access_index))

struct fuse_conn {
  unsigned int dev;
} BT_KERNEL;
struct fuse_mount {
  struct fuse_conn* fc;
} BT_KERNEL;
struct fuse_in_header {
  unsigned int opcode;
  unsigned long long unique;
} BT_KERNEL;
struct fuse_req {
  struct fuse_mount* fm;
  struct {
    struct fuse_in_header h;
  } in;
} BT_KERNEL;
struct task_struct {
  int tgid;
} BT_KERNEL;

const volatile unsigned int connection = 0;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, unsigned int);    // thread group
  __type(value, unsigned int);  // role
} watched SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kCrossingsRoles);
  __type(key, unsigned int);
  __type(value, struct crossings_activity);
} activity SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kCrossingsOpcodesMax);
  __type(key, unsigned int);
  __type(value, struct crossings_requests);
} requests SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, unsigned long long);    // unique
  __type(value, unsigned long long);  // when it was sent, ns
} in_flight SEC(".maps");

static struct crossings_activity* activity_of(unsigned int tgid) {
  unsigned int* role = bpf_map_lookup_elem(&watched, &tgid);
  return role ? bpf_map_lookup_elem(&activity, role) : 0;
}

static struct crossings_requests* requests_of(struct fuse_req* request) {
  unsigned int opcode = request->in.h.opcode;
  if (request->fm->fc->dev != connection) return 0;
  if (opcode >= kCrossingsOpcodesMax) opcode = 0;
  return bpf_map_lookup_elem(&requests, &opcode);
}

SEC("tp_btf/fuse_request_send")
int BPF_PROG(request_sent, struct fuse_req* request) {
  struct crossings_requests* row = requests_of(request);
  if (!row) return 0;
  row->sent++;
  unsigned long long unique = request->in.h.unique, now = bpf_ktime_get_ns();
  bpf_map_update_elem(&in_flight, &unique, &now, BPF_ANY);
  return 0;
}

SEC("tp_btf/fuse_request_end")
int BPF_PROG(request_answered, struct fuse_req* request) {
  struct crossings_requests* row = requests_of(request);
  if (!row) return 0;
  unsigned long long unique = request->in.h.unique;
  unsigned long long* sent = bpf_map_lookup_elem(&in_flight, &unique);
  if (!sent) return 0;
  unsigned long long took = bpf_ktime_get_ns() - *sent, left = took;
  bpf_map_delete_elem(&in_flight, &unique);
  unsigned int bucket = 0;
#pragma unroll
  for (int i = 0; i < kCrossingsBucketsMax - 1; i++) {
    left >>= 1;
    if (left) bucket++;
  }
  row->answered++;
  row->total_ns += took;
  if (bucket < kCrossingsBucketsMax) row->buckets[bucket]++;
  return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(system_call) {
  struct crossings_activity* row = activity_of(bpf_get_current_pid_tgid() >> 32);
  if (row) row->system_calls++;
  return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switched, _Bool preempted, struct task_struct* previous, struct task_struct* next,
             unsigned int previous_state) {
  struct crossings_activity* row = activity_of(previous->tgid);
  if (!row) return 0;
  row->switches++;
  if (previous_state && !preempted) row->voluntary_switches++;
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forked, struct task_struct* parent, struct task_struct* child) {
  unsigned int from = parent->tgid, to = child->tgid;
  unsigned int* role = bpf_map_lookup_elem(&watched, &from);
  if (role && from != to) bpf_map_update_elem(&watched, &to, role, BPF_ANY);
  return 0;
}

char crossings_license[] SEC("license") = "Dual MIT/GPL";
