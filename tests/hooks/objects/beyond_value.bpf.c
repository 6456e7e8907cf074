// SPDX-License-Identifier: MIT
// refused: of a map value
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  return v ? (int)((volatile __u64*)v)[48] : 0;
}
