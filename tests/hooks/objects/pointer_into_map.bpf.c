// SPDX-License-Identifier: MIT
// refused: other programs can read
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (v) v->slots[0] = (__u64)ctx;
  return 0;
}
