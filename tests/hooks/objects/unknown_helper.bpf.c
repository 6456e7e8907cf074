// SPDX-License-Identifier: MIT
// refused: does not exist
#include "case.h"

static long (*helper)(void*) = (void*)195;

PROGRAM { return (int)helper(ctx); }
