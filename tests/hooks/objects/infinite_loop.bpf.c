// SPDX-License-Identifier: MIT
// refused: infinite loop
#include "case.h"

PROGRAM {
  asm volatile("goto -1");
  return 0;
}
