// SPDX-License-Identifier: MIT
#include "x.h"
