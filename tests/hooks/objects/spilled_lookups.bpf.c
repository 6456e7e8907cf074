// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

PROGRAM {
  struct value* v[5];
#pragma unroll
  for (int i = 0; i < 5; i++) {
    v[i] = the_value();
    if (!v[i]) return 0;
  }
  bpf_get_current_pid_tgid();
#pragma unroll
  for (int i = 0; i < 5; i++) v[i]->slots[i]++;
  return 0;
}
