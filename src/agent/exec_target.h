// SPDX-License-Identifier: MIT
// What kind of image a path is: can the agent live in it?
#pragma once

#include <cstdint>

namespace bt::agent {

enum class ExecTarget : uint8_t {
  kServed,   // x86-64, started by glibc's ld.so, keeps LD_PRELOAD
  kForeign,  // static, setuid, other libc, unreadable: runs on the kernel path
  k32Bit,    // as kForeign; and its ld.so would complain of our LD_PRELOAD entry
  kMissing,  // cannot be opened at all: execve will fail
};

// `path` relative to `directory` (AT_FDCWD, or as for execveat, empty path: the descriptor itself). Follows `#!` lines.
ExecTarget inspect_target(int32_t directory, const char* path);

}  // namespace bt::agent
