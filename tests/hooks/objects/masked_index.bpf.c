// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (v) v->slots[ctx->args[0] & 31]++;
  return 0;
}
