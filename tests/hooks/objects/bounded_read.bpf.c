// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  __u64 size = ctx->args[2];
  if (v && size <= sizeof *v) bpf_probe_read_user(v, size, (void*)ctx->args[1]);
  return 0;
}
