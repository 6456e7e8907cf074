// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (!v) return 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 32; i++) v->slots[i] += i;
  return 0;
}
