// SPDX-License-Identifier: MIT
// refused: not an attach point
#include "case.h"

char LICENSE[] SEC("license") = "GPL";
SEC("kprobe/vfs_read")
int program(void* ctx) { return 0; }
