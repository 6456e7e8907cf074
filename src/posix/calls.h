// SPDX-License-Identifier: MIT
// One handler per system call that is served in-process. Arguments are the kernel's six; the answer is the kernel's
// return value, or kPassthrough: "not ours, or not now: execute the call". Called by agent/dispatch.cc alone, on the
// program's thread, with general registers only, possibly from a signal handler of the program.
#pragma once

#include <cstdint>

namespace bt::posix {

inline constexpr int64_t kPassthrough = INT64_MIN;
// Or: a handler with SA_RESTART is to run first, and then the call once more.
inline constexpr int64_t kRestart = INT64_MIN + 3;

#define BT_POSIX_CALL(name) \
  int64_t call_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
#include "posix/calls.def"
#undef BT_POSIX_CALL

}  // namespace bt::posix
