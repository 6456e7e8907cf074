// SPDX-License-Identifier: MIT
// refused: unbounded
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (v) v->slots[ctx->args[0]]++;
  return 0;
}
