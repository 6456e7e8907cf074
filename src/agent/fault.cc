// SPDX-License-Identifier: MIT
// SIGSEGV and SIGBUS. Faults at the instructions of base/user_copy.h continue at their fix-ups; everything else is the
// program's: its handler runs in our place, on the stack and with the mask the kernel chose for it, or the default
// happens as if we had not been there.
#include <signal.h>
#include <ucontext.h>

#include <cerrno>

#include "agent/signals.h"
#include "agent/thread_block.h"
#include "base/user_copy.h"
#include "posix/first_look.h"
#include "posix/mapping.h"

extern "C" {
BT_HIDDEN extern uint64_t bt_program_handlers[];
BT_HIDDEN void bt_defer_signal(int signal, siginfo_t* info, void* raw);
}

namespace bt::agent {
namespace {

using base::raw_argument;
using base::raw_syscall;

// si_code > 0: raised by an instruction of this thread; else sent by somebody.
bool was_sent(const siginfo_t* info) { return info->si_code <= 0; }

// The default action: what raised the signal happens again, without us. A sent signal is sent once more.
void let_default_happen(int signal, siginfo_t* info) {
  KernelSigaction action = {};
  raw_sigaction(signal, &action, nullptr);
  if (was_sent(info))
    raw_syscall(SYS_rt_tgsigqueueinfo, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), signal,
                raw_argument(info));
}

}  // namespace

// The handler to go on to; 0 = return to the interrupted code.
extern "C" BT_HIDDEN uint64_t bt_on_fault(int signal, siginfo_t* info, void* raw) {
  auto& pc = static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_RIP];
  if (!was_sent(info))
    if (uint64_t fixup = base::find_fixup(static_cast<uint64_t>(pc))) {
      pc = static_cast<greg_t>(fixup);
      return 0;
    }
  // A file that has grown under a mapping of ours. Blocked, not deferred: the thread may have no area, and nobody would
  // attend to a deferred signal on this way out. Faults stay open, for EFAULT.
  if (!was_sent(info) && signal == SIGBUS && !bt_thread.depth && posix::first_look.attached) {
    uint64_t mask;
    set_signal_mask(kDeferrable, &mask);
    bt_thread.depth = 1;
    bool mended = posix::mapping_fault(reinterpret_cast<uint64_t>(info->si_addr));
    bt_thread.depth = 0;
    set_signal_mask(mask, nullptr);
    if (mended) return 0;
  }
  KernelSigaction action = program_action(signal);
  if (action.handler <= 1) {
    // An ignored signal is ignored only when it was sent.
    if (action.handler == 0 || !was_sent(info)) let_default_happen(signal, info);
    return 0;
  }
  if (was_sent(info) && bt_thread.depth) {
    bt_defer_signal(signal, info, raw);
    return 0;
  }
  if (action.flags & SA_RESETHAND) forget_program_action(signal);
  uint64_t blocked = action.mask | (action.flags & SA_NODEFER ? 0 : signal_bit(signal));
  if ((blocked & kFaultSignals) && bt_thread.state == ThreadState::kReady)
    bt_thread.state = ThreadState::kFaultsBlocked;
  return action.handler;
}

}  // namespace bt::agent
