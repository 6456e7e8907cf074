// SPDX-License-Identifier: MIT
// refused: read-only
#include "case.h"

PROGRAM {
  ctx->args[0] = 1;
  return 0;
}
