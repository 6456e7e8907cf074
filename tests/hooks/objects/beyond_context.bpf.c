// SPDX-License-Identifier: MIT
// refused: of a context
#include "case.h"

PROGRAM { return ((volatile int*)ctx)[16]; }
