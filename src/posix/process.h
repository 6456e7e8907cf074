// SPDX-License-Identifier: MIT
// What the agent tells posix about the life of the process. Each is called on the thread concerned, outside any engine
// section, with signals as the program left them.
#pragma once

#include <cstdint>

namespace bt::posix {

// At load: reads the registry and, where the volumes are needed at once, maps them and fills the descriptor table; else they
// are announced (announce.h). False: nothing to do here; everything passes through. `environment` is envp as the kernel gave
// it. inherited: what any_session() was in the image before (exec); 0: it left none, and kUnknownSession: one whose number is not
// known.
inline constexpr uint32_t kUnknownSession = ~0u;
bool attach_process(char** environment, uint32_t inherited);
// Maps the volumes that were announced. False: there are none (any more), or not now. Not in a vfork child, whose
// descriptors are not those of the memory that it writes to.
bool attach_announced();
// A fork or vfork begins while nothing is attached; nothing will be until it ends. False: something is. The end is told in
// the parent, and in every fork child, however it began.
bool begin_unattached_split();
void end_unattached_split(bool in_fork_child);
// Gives up in-process service for good: all descriptors of ours become the kernel's (materialised). In a vfork child: its own, and
// only for itself.
void stand_aside(uint32_t reason);
// Before a call after which stand_aside could not find the mounts by their paths any more.
void keep_mount_roots();

// fork and clone without CLONE_VM. before: false = could not clone the session: everything was materialised instead and
// the child runs on the kernel path. The result of the call tells after_ which side it is on (0 child, > 0 parent, < 0
// failed).
bool before_fork();
void after_fork(int64_t result);

// vfork and clone(CLONE_VM | CLONE_VFORK): the child shares memory but not descriptors. begin swaps this thread's table and
// session for a copy; child runs in the child when it first comes back; end in the parent, restoring. False: no room for
// the copy; nothing was changed.
bool begin_vfork();
void child_of_vfork();
void end_vfork(int64_t result);

// The number of a session of this process, 0: it has none. A new image must claim it, an exit may close it.
uint32_t any_session();
// exec of `path` (already resolved enough to be opened). will_be_served: the image can carry the agent. `failed_exec`
// undoes it all when execve comes back. False: a descriptor that the new image should have could not be handed over.
bool before_exec(bool will_be_served);
void failed_exec();

// Before a thread's first handler; once more does nothing.
void thread_started();
// libc has registered another list of robust futexes for this thread.
void robust_list_changed();
void before_thread_exit();
// False: no number has ever been ours in this process, and before_exit has nothing to do.
bool has_had_files();

// Whether a signal waits for this thread to leave, and what it does to a call that waits; set by the agent. A call that is about to
// sleep asks, for a signal that came before the sleep does not end it.
enum class SignalDue : uint8_t { kNone, kInterrupts, kRestarts };
extern SignalDue (*signal_due)();
// exit_group: closes nothing that the kernel and the daemon do not clean up. is_alone: no other thread or handler of this
// process will run any more.
void before_exit(bool is_alone);

}  // namespace bt::posix
