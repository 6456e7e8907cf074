// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (!v) return 0;
#pragma unroll
  for (int i = 0; i < 6; i++) v->slots[i] += ctx->args[i];
  return 0;
}
