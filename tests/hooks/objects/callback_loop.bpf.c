// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

struct seen {
  __u64 sum, arguments[6];
};

static long look(__u32 index, void* context) {
  struct seen* seen = context;
  if (index < 6) seen->sum += seen->arguments[index];
  return seen->sum > 1000;
}

PROGRAM {
  struct seen seen = {};
  struct value* v = the_value();
  for (int i = 0; i < 6; i++) seen.arguments[i] = ctx->args[i];
  long rounds = bpf_loop(100, look, &seen, 0);
  if (v) v->slots[0] += seen.sum + rounds;
  return 0;
}
