// SPDX-License-Identifier: MIT
// accepted
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (v) __sync_fetch_and_add(&v->slots[0], 1);
  return 0;
}
