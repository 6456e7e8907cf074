// SPDX-License-Identifier: MIT
#include "hooks/callback.h"

#include "hooks/interpreter.h"
#include "hooks/thread.h"

namespace bt::hooks {
namespace {

// Compiled functions are entered as by compiled callers: arguments in rdi, rsi, rdx, rcx, the frame in rbp, the thread in
// r12, the stack aligned; they may change every register but rbp and r12.
uint64_t call_compiled(uint64_t function, uint64_t frame, Thread& thread, uint64_t r1, uint64_t r2,
                       uint64_t r3, uint64_t r4) {
  uint64_t result = frame;
  register Thread* self asm("r12") = &thread;
  register uint64_t target asm("r11") = function;
  asm volatile(
      "mov %%rsp, %%rbx\n\t"
      "lea -128(%%rsp), %%rsp\n\t"
      "and $-16, %%rsp\n\t"
      "push %%rbp\n\t"
      "push %%rbx\n\t"
      "mov %%rax, %%rbp\n\t"
      "call *%%r11\n\t"
      "pop %%rbx\n\t"
      "pop %%rbp\n\t"
      "mov %%rbx, %%rsp"
      : "+a"(result), "+D"(r1), "+S"(r2), "+d"(r3), "+c"(r4), "+r"(target)
      : "r"(self)
      : "rbx", "r8", "r9", "r10", "r13", "r14", "r15", "cc", "memory");
  return result;
}

}  // namespace

CallbackRun::CallbackRun(Thread& thread) : thread_(thread), frame_(thread.frame) {
  if (thread.callback_depth++ == 0) thread.callbacks_left = kLoopsMax;
}
CallbackRun::~CallbackRun() { thread_.callback_depth--; }

bool CallbackRun::once(uint64_t function, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4) {
  if (thread_.callbacks_left == 0) return false;
  thread_.callbacks_left--;
  uint64_t enough = thread_.machine
                        ? interpret_callback(*thread_.machine, function, r1, r2, r3, r4)
                        : call_compiled(function, frame_ - kFrameSize, thread_, r1, r2, r3, r4);
  return enough == 0;
}

}  // namespace bt::hooks
