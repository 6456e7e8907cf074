// SPDX-License-Identifier: MIT
// Fences for sequence locks. gcc's ThreadSanitizer knows none and says so; in its builds the compiler's order alone is kept,
// which on x86-64 is all that acquire and release are.
#pragma once

namespace bt::base {

template <int order>
inline void fence() {
#ifdef __SANITIZE_THREAD__
  static_assert(order != __ATOMIC_SEQ_CST, "that one is an instruction");
  asm volatile("" ::: "memory");
#else
  __atomic_thread_fence(order);
#endif
}

}  // namespace bt::base
