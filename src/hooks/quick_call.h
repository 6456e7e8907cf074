// SPDX-License-Identifier: MIT
// The usual case of a counter, inline: one compiled program before the call, nothing after it, and nothing that has to be
// prepared for it (an override, a tail call, a log). Its code is entered with the call's arguments where the C ABI put
// them and leaves them there (jit_frame.h), so that a program which does not look at the call costs no copy of it: what
// such a program costs beside its own instructions is stores, and the wait of a locked one for all that came before it.
// Everything else is run_enter()'s.
#pragma once

#include "hooks/refresh.h"
#include "hooks/runtime.h"

namespace bt::hooks {

// The code to enter now, after which end_quick() is due; null: call run_enter(). After is_watched(number).
[[gnu::always_inline]] inline const void* begin_quick(Thread* thread, uint32_t number) {
  if (watched.calls[number].load(std::memory_order_relaxed) != kQuickCall) return nullptr;
  const State* state = current_state.load(std::memory_order_acquire);
  if (!thread || thread->running.load(std::memory_order_relaxed)) [[unlikely]]
    return nullptr;
  // As in begin() of dispatch.cc: said first, then looked at again, and only then read.
  thread->running.store(state, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (state && state == current_state.load(std::memory_order_acquire) &&
      state->word == loaded_word->load(std::memory_order_relaxed) &&
      thread->slot <= state->slot_max) [[likely]]
    if (const void* entry = state->rows[number].quick) [[likely]]
      return entry;
  thread->running.store(nullptr, std::memory_order_relaxed);
  return nullptr;
}

[[gnu::always_inline]] inline void call_quick(const void* entry, Thread* thread, uint64_t number,
                                              uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                              uint64_t e, uint64_t f) {
  register uint64_t r10 asm("r10") = number;
  register const void* r11 asm("r11") = entry;
  register uint64_t r8 asm("r8") = e;
  register uint64_t r9 asm("r9") = f;
  // The compiler does not know of the return address: it must not fall into what it keeps below the stack pointer.
  asm volatile(
      "lea -128(%%rsp), %%rsp\n\t"
      "call *%%r11\n\t"
      "lea 128(%%rsp), %%rsp"
      : "+a"(thread), "+r"(r10), "+r"(r11)
      : "D"(a), "S"(b), "d"(c), "c"(d), "r"(r8), "r"(r9)
      : "cc", "memory");
}

[[gnu::always_inline]] inline void end_quick(Thread& thread) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  thread.running.store(nullptr, std::memory_order_release);
}

}  // namespace bt::hooks
