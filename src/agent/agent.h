// SPDX-License-Identifier: MIT
// The rules of code that lives in a stranger's process. docs/agent.md explains them.
//
//  1. Raw system calls only. A libc wrapper is a patched site, or half of one.
//  2. No libc state: no errno, no heap, no stdio, no locks that a program could hold, no thread-locals but our own block.
//  3. Our own stack. From entry.S on a call runs on a private stack of the thread (thread_block.h); of the program's
//     stack we take less than 256 bytes, below its red zone. Code that runs before that uses less than 1 KiB.
//  4. No vector register is touched (-mgeneral-regs-only); base/user_copy.S saves what it uses.
//  5. A call that is passed on is executed by the site's own `syscall` instruction with every register as it was, so
//     that restarting, cancellation, unwinding, seccomp and tracers see nothing new. Exceptions: fork, vfork and clone
//     of processes, and execve, which we execute ourselves to have a word afterwards.
//  6. While a thread is inside (depth 1), handlers of the program are deferred to the moment it leaves (signals.cc):
//     nothing inside is ever re-entered or abandoned by siglongjmp. A call from a handler that could not be deferred
//     (a crash of ours) passes straight through.
//  7. Program memory is touched through base/user_copy.h only. Faults at those instructions are ours, all others are
//     the program's and are handed on as they came (fault.cc).
//  8. fork: every lock of ours is taken before or reset after; the child continues as a process of its own or stands
//     aside. vfork: nothing that is needed later is on the stack or in what the child changes (split.cc).
//  9. Bytes of a library are changed only where they are the expected ones, before any thread can run there, and never
//     the `syscall` instruction.
// 10. Anything unknown passes through untouched. The agent never prints and never ends its host.
#pragma once

#include <cstdint>

namespace bt::agent {

// Answers of a handler besides a result; all are outside the range of system call results.
inline constexpr int64_t kPassthrough = INT64_MIN;  // let the site execute the call
inline constexpr int64_t kSplit =
    INT64_MIN + 1;  // entry.S executes it and calls after_split on both sides

inline constexpr int64_t kWatched =
    INT64_MIN + 2;  // entry.S executes it and calls bt_after_watched with its result
inline constexpr int64_t kRestart =
    INT64_MIN +
    3;  // entry.S calls the handler once more, when the program's signal handler has run

#define BT_HIDDEN __attribute__((visibility("hidden")))

}  // namespace bt::agent
