// SPDX-License-Identifier: MIT
// What a call is about, said before it is made: for eBPF programs (agent/hooked.cc). By what is at hand, without a path
// walk; nothing is locked or changed.
#pragma once

#include <cstdint>

namespace bt::posix {

struct CallTarget {
  uint64_t mount;  // 1 + index; 0: none of ours
  uint64_t inode;  // where a descriptor tells it; else 0
};
// path: the program's memory; nullptr: the call is about the descriptor itself. fd: directory descriptor or descriptor;
// negative: the working directory.
CallTarget target_of_call(int32_t fd, const char* path);

// The absolute path of a relative `path` below `directory`, or (nullptr) of what the descriptor refers to, as text, without
// its terminator; the length, 0 when it is not known or does not fit.
uint32_t path_of_call(int32_t directory, const char* path, char* out, uint32_t size);

// Before a call that we would have answered goes to the kernel: it may allocate a descriptor number.
void make_room_for_kernel();

}  // namespace bt::posix
