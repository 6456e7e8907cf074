// SPDX-License-Identifier: MIT
// refused: whose context is another
#include "case.h"

char LICENSE[] SEC("license") = "GPL";
SEC("btfuse/tail/decide/target")
int target(void* ctx) { return 0; }

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __array(values, int(void*));
} programs SEC(".maps") = {.values = {[0] = (void*)&target}};

SEC("tracepoint/syscalls/sys_enter_openat")
int program(struct enter* ctx) {
  bpf_tail_call(ctx, &programs, 0);
  return 0;
}
