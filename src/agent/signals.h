// SPDX-License-Identifier: MIT
// The program's signal handlers, seen from both sides: the kernel runs bt_signal_entry for each signal that has one, which
// goes on to the program's handler at once, or, while the thread is inside, keeps the signal until it leaves. The
// program's own flags and mask are the kernel's too, so SA_RESTART, SA_ONSTACK, SA_NODEFER and sa_mask work as ever; what
// sigaction tells the program is what it set.
#pragma once

#include <cstdint>

#include "agent/agent.h"
#include "agent/kernel_signal.h"

#include "posix/process.h"

namespace bt::agent {

// Puts the fault handler in front of whatever SIGSEGV and SIGBUS have now. Before the first handler of a call; no-op
// afterwards.
void install_fault_handlers();

// What the program set for a signal; for the two fault signals the kernel does not know it.
KernelSigaction program_action(int signal);
// The handler of a one-shot action (SA_RESETHAND) has been called.
void forget_program_action(int signal);

// Around execve: a fault signal that the program ignores stays ignored in the new image.
void ignore_faults_as_program_does();
void restore_fault_handlers();

// The signal kept in this thread's area becomes pending in the kernel again, as it came.
void requeue_deferred_signal();

// Whether a signal waits for this thread to leave: one is kept, or one is pending that only we block and that would do something.
posix::SignalDue signal_due();

// Around the life of a vfork child, which shares this memory with its parent but not the kernel's actions.
void begin_child_actions();
void end_child_actions();
// In such a child: the kernel answers for this signal what we would, and we need not hear of it.
bool is_kernels_in_child(uint64_t signal);

// In a fork child: another thread may have held the lock.
void reset_signal_lock();

}  // namespace bt::agent
