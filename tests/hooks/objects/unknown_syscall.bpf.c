// SPDX-License-Identifier: MIT
// refused: no system call
#include "case.h"

char LICENSE[] SEC("license") = "GPL";
SEC("tracepoint/syscalls/sys_enter_nonsense")
int program(void* ctx) { return 0; }
