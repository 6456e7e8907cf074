// SPDX-License-Identifier: MIT
// The usual case of a counter, inline: one compiled program before the call, nothing after it, and nothing that has to be
// prepared for it (an override, a thread slot, a tail call, a log). A program then costs its own code and two stores; what a
// call costs beside it is mostly stores, of which this processor makes one a cycle. Everything else is run_enter()'s.
#pragma once

#include "hooks/refresh.h"
#include "hooks/runtime.h"

namespace bt::hooks {

// The program to run now, as program->jit(&call, thread), after which end_simple() is due; null: call run_enter().
inline const LoadedProgram* begin_simple(Thread* thread, int64_t number) {
  const State* state = current_state.load(std::memory_order_acquire);
  if (!thread || !state || state->word != loaded_word->load(std::memory_order_relaxed) ||
      thread->running.load(std::memory_order_relaxed)) [[unlikely]]
    return nullptr;
  // As in begin() of dispatch.cc: said first, then looked at again.
  thread->running.store(state, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const LoadedProgram* program = state->rows[number].simple;
  if (program && state == current_state.load(std::memory_order_acquire)) [[likely]]
    return program;
  thread->running.store(nullptr, std::memory_order_relaxed);
  return nullptr;
}

inline void end_simple(Thread& thread) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  thread.running.store(nullptr, std::memory_order_release);
}

}  // namespace bt::hooks
