// SPDX-License-Identifier: MIT
// refused: not an address
#include "case.h"

PROGRAM { return *(volatile int*)ctx->args[1]; }
