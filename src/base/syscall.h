// SPDX-License-Identifier: MIT
// Raw system calls: no errno, no cancellation point, no libc. Each returns what the kernel returns: a value or −errno.
// The agent must never reach a libc wrapper: that site may be patched, or half patched.
#pragma once

#include <cstdint>

namespace bt::base {

inline int64_t raw_syscall(int64_t number, int64_t a = 0, int64_t b = 0, int64_t c = 0,
                           int64_t d = 0, int64_t e = 0, int64_t f = 0) {
  int64_t result;
  register int64_t r10 asm("r10") = d;
  register int64_t r8 asm("r8") = e;
  register int64_t r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <typename T>
inline int64_t raw_argument(T* pointer) {
  return reinterpret_cast<int64_t>(pointer);
}

}  // namespace bt::base
