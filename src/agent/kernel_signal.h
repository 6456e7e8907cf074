// SPDX-License-Identifier: MIT
// The kernel's own signal structures (libc's differ) and the few raw calls on them that several files need.
#pragma once

#include <signal.h>
#include <sys/syscall.h>

#include <cstdint>

#include "base/syscall.h"

namespace bt::agent {

inline constexpr int kSignalsMax = 64;

struct KernelSigaction {
  uint64_t handler;  // SIG_DFL 0, SIG_IGN 1
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};
inline constexpr uint64_t kSaRestorer = 0x04000000;

constexpr uint64_t signal_bit(int signal) { return 1ull << (signal - 1); }
inline constexpr uint64_t kFaultSignals = signal_bit(SIGSEGV) | signal_bit(SIGBUS);
// All but those that a fault of the thread itself raises: blocking these would turn a fault into death.
inline constexpr uint64_t kDeferrable =
    ~(kFaultSignals | signal_bit(SIGILL) | signal_bit(SIGFPE) | signal_bit(SIGTRAP));

inline int64_t raw_sigaction(int signal, const KernelSigaction* action, KernelSigaction* old) {
  return base::raw_syscall(SYS_rt_sigaction, signal, base::raw_argument(action),
                           base::raw_argument(old), 8);
}
// Sets the calling thread's mask; the old one goes to `old`, if given.
inline void set_signal_mask(uint64_t mask, uint64_t* old) {
  base::raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, base::raw_argument(&mask),
                    base::raw_argument(old), 8);
}

}  // namespace bt::agent
