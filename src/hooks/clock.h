// SPDX-License-Identifier: MIT
// The kernel's clocks through the vDSO (about 25 ns), without libc.
#pragma once

#include <cstdint>

namespace bt::hooks {

// Finds the vDSO; until then, and where there is none, clock_ns is a system call.
void clock_init();
// `id` is a CLOCK_*.
uint64_t clock_ns(int id);

}  // namespace bt::hooks
