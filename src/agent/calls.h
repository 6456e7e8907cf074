// SPDX-License-Identifier: MIT
// Handlers of the calls that the agent answers itself: those about the life of a process and its signals. Arguments and
// answers as in posix/calls.h, and kSplit besides.
#pragma once

#include <cstdint>

namespace bt::agent {

#define BT_SYSCALL_posix(name)
#define BT_SYSCALL_agent(name) \
  int64_t call_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
#define BT_SYSCALL(name, look, handler) BT_SYSCALL_##handler(name)
#include "agent/syscalls.def"
#undef BT_SYSCALL
#undef BT_SYSCALL_agent
#undef BT_SYSCALL_posix

}  // namespace bt::agent
