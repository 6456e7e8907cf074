// SPDX-License-Identifier: MIT
// refused: may be null
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  v->slots[3]++;
  return 0;
}
