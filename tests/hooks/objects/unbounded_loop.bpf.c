// SPDX-License-Identifier: MIT
// refused: too complex
#include "case.h"

PROGRAM {
  struct value* v = the_value();
  if (!v) return 0;
#pragma clang loop unroll(disable)
  for (__u64 i = 0; i < ctx->args[0]; i++) asm volatile("" ::: "memory");
  return 0;
}
