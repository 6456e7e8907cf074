// SPDX-License-Identifier: MIT
// refused: of a stack
#include "case.h"

PROGRAM {
  char buffer[16];
  bpf_probe_read_user(buffer, 64, (void*)ctx->args[1]);
  return buffer[0];
}
