// SPDX-License-Identifier: MIT
// The interpreter: the permanent fallback and the reference for the JIT. Semantics are the kernel's: division by zero gives
// 0, modulo by zero leaves the destination, 32-bit results are zero-extended, shift counts are masked.
#pragma once

#include "hooks/runtime.h"

namespace bt::hooks {

// In checked mode every load, store and atomic is offered to `allows` first; a refusal ends the run. For the fuzzer that
// holds the verifier to its word.
struct MemoryCheck {
  bool (*allows)(void* self, uint64_t address, uint32_t size, bool write) = nullptr;
  void* self = nullptr;
  bool violated = false;
  uint32_t at = 0;  // instruction of the violation
};

// Bounds the back edges of one run; the verifier has bounded them before, this is the second lock on the door.
inline constexpr uint32_t kInterpreterStepsMax = 4u << 20;

uint64_t interpret(const LoadedProgram& program, void* context, Thread& thread,
                   MemoryCheck* check = nullptr);

// A function of the program that this machine runs, for callback.h; its r0, or 1 where the run is over.
struct Machine;
uint64_t interpret_callback(Machine& machine, uint64_t function, uint64_t r1, uint64_t r2,
                            uint64_t r3, uint64_t r4);

}  // namespace bt::hooks
