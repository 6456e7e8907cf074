// SPDX-License-Identifier: MIT
// What call_<family>.cc implement: one function a system call, with the kernel's six arguments, answering with the
// kernel's return value or kPassthrough, wrapped in its meter.
#pragma once

#include <sys/syscall.h>

#include "posix/calls.h"
#include "posix/metered.h"

namespace bt::posix {

// Arguments as the kernel reads them: 32 bits of the register for an int.
inline int32_t int_of(uint64_t argument) { return static_cast<int32_t>(argument); }
inline uint32_t uint_of(uint64_t argument) { return static_cast<uint32_t>(argument); }
template <typename T = char>
inline T* pointer_of(uint64_t argument) {
  return reinterpret_cast<T*>(argument);
}

// Head of a handler: its six arguments, of which it uses what it names.
#define BT_SERVE_ARGUMENTS                                                               \
  [[maybe_unused]] uint64_t a, [[maybe_unused]] uint64_t b, [[maybe_unused]] uint64_t c, \
      [[maybe_unused]] uint64_t d, [[maybe_unused]] uint64_t e, [[maybe_unused]] uint64_t f
#define BT_SERVE_METERED(name, walks)                                                            \
  [[gnu::always_inline]] static inline int64_t serve_##name(BT_SERVE_ARGUMENTS);                 \
  int64_t call_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {  \
    return metered<serve_##name, walks>({SYS_##name, metrics::call_operation::name}, a, b, c, d, \
                                        e, f);                                                   \
  }                                                                                              \
  static int64_t serve_##name(BT_SERVE_ARGUMENTS)
// A call that may have a path, and one that has descriptors alone.
#define BT_SERVE(name) BT_SERVE_METERED(name, true)
#define BT_SERVE_DESCRIPTOR(name) BT_SERVE_METERED(name, false)

}  // namespace bt::posix
