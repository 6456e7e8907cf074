// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

static __attribute__((noinline)) int add(struct value* v, long n) {
  if (!v) return 0;
  v->slots[1] += n;
  return (int)v->slots[1];
}

PROGRAM { return add(the_value(), ctx->id); }
