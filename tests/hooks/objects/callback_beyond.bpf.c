// SPDX-License-Identifier: MIT
// refused: of a map value
#include "case.h"

static long look(__u32 index, void* context) {
  struct value* v = the_value();
  if (v) v->slots[index] = 1;
  return 0;
}

PROGRAM {
  bpf_loop(49, look, 0, 0);
  return 0;
}
