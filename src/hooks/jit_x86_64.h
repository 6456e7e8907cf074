// SPDX-License-Identifier: MIT
// eBPF to x86-64, in the process that runs it: all programs of an image go into one arena, which is written, then flipped
// to read and execute, never both (W^X). About 14 ns an instruction, and 5 µs for the arena.
//
//   r0 rax · r1 rdi · r2 rsi · r3 rdx · r4 rcx · r5 r8 · r6 rbx · r7 r13 · r8 r14 · r9 r15 · r10 rbp
//   r12 Thread* · r10, r11 scratch
//
// r1–r5 are where a C helper expects its arguments, and its sixth (r9) is the Thread. Frames lie in the Thread's own
// eBPF stack; the native stack takes 64 B for a program, 48 B for each call below it, and what the helper needs. Only
// registers that a program uses are saved; ids of the thread and lookups in maps that are known are not helper calls.
#pragma once

#include "hooks/runtime.h"

namespace bt::hooks {

// Sets `jit` of each program. False, and nothing changed, where executable memory is refused: then they are interpreted.
bool jit_compile(LoadedImage& image);
void jit_free(LoadedImage& image);

}  // namespace bt::hooks
