// SPDX-License-Identifier: MIT
// refused: of a map value
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  __u32 i = (__u32)ctx->args[0];
  if (v && i <= 48) v->slots[i] = 1;
  return 0;
}
