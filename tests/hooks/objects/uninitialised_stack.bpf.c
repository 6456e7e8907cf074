// SPDX-License-Identifier: MIT
// refused: not initialised
#include "case.h"

PROGRAM {
  char buffer[16];
  asm volatile("r1 = *(u64 *)(r10 - 8)" ::: "r1");
  asm volatile("" ::"r"(buffer));
  return 0;
}
