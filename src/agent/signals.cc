// SPDX-License-Identifier: MIT
#include "agent/signals.h"

#include <cerrno>
#include <initializer_list>

#include "agent/calls.h"
#include "agent/thread_block.h"
#include "base/user_copy.h"

extern "C" {
BT_HIDDEN void bt_signal_entry(int, siginfo_t*, void*);
BT_HIDDEN void bt_blocking_signal_entry(int, siginfo_t*, void*);
BT_HIDDEN void bt_fault_entry(int, siginfo_t*, void*);
BT_HIDDEN void bt_restorer();
// The last real handler of each signal; read by entry.S. It outlives a change to SIG_DFL, because a signal that is being
// delivered meanwhile still runs it, as it would in the kernel.
// atomic: call_rt_sigaction → bt_signal_entry
BT_HIDDEN uint64_t bt_program_handlers[bt::agent::kSignalsMax + 1];
}

namespace bt::agent {

using base::raw_argument;
using base::raw_syscall;

namespace {

constexpr uint64_t kDefault = 0;
constexpr uint64_t kIgnore = 1;
constexpr int kSpinsBeforeYield = 100;

// guarded by lock_
KernelSigaction actions[kSignalsMax + 1];
uint64_t action_lock = 0;  // atomic: unlock → lock; who holds it, 0 = nobody

// A handler may come to a thread that holds the lock, and looks at what is done with a signal as well: then the lock is not taken
// again. It sees a change that is being made, whose new action stands there before the kernel knows it.
class ActionLock {
 public:
  ActionLock() {
    uint64_t self = reinterpret_cast<uint64_t>(&bt_thread), holder = 0;
    for (int spins = 0; !__atomic_compare_exchange_n(&action_lock, &holder, self, false,
                                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
         spins++, holder = 0) {
      if (holder == self) {
        is_outer_ = false;
        return;
      }
      if (spins > kSpinsBeforeYield) raw_syscall(SYS_sched_yield);
    }
  }
  ~ActionLock() {
    if (is_outer_) __atomic_store_n(&action_lock, 0, __ATOMIC_RELEASE);
  }
  ActionLock(const ActionLock&) = delete;
  ActionLock& operator=(const ActionLock&) = delete;

 private:
  bool is_outer_ = true;
};

bool is_fault_signal(int signal) { return signal == SIGSEGV || signal == SIGBUS; }
bool is_handler(uint64_t handler) { return handler != kDefault && handler != kIgnore; }

uint64_t address_of(void (*function)(int, siginfo_t*, void*)) {
  return reinterpret_cast<uint64_t>(function);
}

// What the kernel is told when the program wants `action`.
KernelSigaction kernel_action(int signal, const KernelSigaction& action) {
  KernelSigaction kernel = action;
  if (is_handler(action.handler)) {
    kernel.handler = address_of(is_fault_signal(signal)       ? bt_fault_entry
                                : action.mask & kFaultSignals ? bt_blocking_signal_entry
                                                              : bt_signal_entry);
    kernel.flags |= SA_SIGINFO;
  } else if (is_fault_signal(signal)) {
    kernel = {address_of(bt_fault_entry), SA_SIGINFO | kSaRestorer,
              reinterpret_cast<uint64_t>(&bt_restorer), 0};
  }
  // bt_on_fault does SA_RESETHAND itself: the kernel would take our handler away.
  if (is_fault_signal(signal)) kernel.flags &= ~static_cast<uint64_t>(SA_RESETHAND);
  return kernel;
}

bool is_vfork_child() { return bt_thread.area && bt_thread.area->in_vfork_child; }

bool is_entry(uint64_t handler) {
  return handler == address_of(bt_signal_entry) ||
         handler == address_of(bt_blocking_signal_entry) || handler == address_of(bt_fault_entry);
}

// A vfork child changes its own actions alone. Its handlers are the kernel's: where the parent's handlers are, which
// other threads of the parent run meanwhile, there is no second place.
int64_t change_child_action(int signal, const KernelSigaction* action, KernelSigaction& old) {
  KernelSigaction& own = bt_thread.area->child_actions[signal];
  KernelSigaction kernel, kernel_old;
  if (action) kernel = is_handler(action->handler) ? *action : kernel_action(signal, *action);
  int64_t result = raw_sigaction(signal, action ? &kernel : nullptr, &kernel_old);
  if (result < 0) return result;
  bool ours = is_entry(kernel_old.handler);
  old = ours ? own : kernel_old;
  if (action) own = *action;
  return 0;
}

// One change, all or nothing. `old` is what the program is to be told.
int64_t change_action(int signal, const KernelSigaction* action, KernelSigaction& old) {
  if (is_vfork_child()) return change_child_action(signal, action, old);
  ActionLock lock;
  KernelSigaction before = actions[signal];
  uint64_t handler_before = bt_program_handlers[signal];
  KernelSigaction kernel, kernel_old;
  if (action) {
    kernel = kernel_action(signal, *action);
    actions[signal] = *action;
    if (is_handler(action->handler))
      __atomic_store_n(&bt_program_handlers[signal], action->handler, __ATOMIC_RELEASE);
  }
  int64_t result = raw_sigaction(signal, action ? &kernel : nullptr, &kernel_old);
  if (result < 0) {
    actions[signal] = before;
    bt_program_handlers[signal] = handler_before;
    return result;
  }
  bool ours = is_entry(kernel_old.handler);
  old = ours ? before : kernel_old;
  return 0;
}

}  // namespace

int64_t call_rt_sigaction(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t, uint64_t) {
  auto signal = static_cast<int>(a);
  if (signal < 1 || signal > kSignalsMax || d != 8) return kPassthrough;
  KernelSigaction action, old;
  if (b && !base::copy_from_user(&action, reinterpret_cast<void*>(b), sizeof action))
    return -EFAULT;
  int64_t result = change_action(signal, b ? &action : nullptr, old);
  if (result == 0 && c && !base::copy_to_user(reinterpret_cast<void*>(c), &old, sizeof old))
    return -EFAULT;
  return result;
}

// Only to know whether faults are blocked; the kernel does the rest.
int64_t call_rt_sigprocmask(uint64_t a, uint64_t b, uint64_t, uint64_t d, uint64_t, uint64_t) {
  uint64_t set;
  if (!b || d != 8 || !base::load_user_u64(reinterpret_cast<void*>(b), set)) return kPassthrough;
  bool names_faults = (set & kFaultSignals) != 0;
  if (a == SIG_SETMASK || names_faults)
    bt_thread.state =
        names_faults && a != SIG_UNBLOCK ? ThreadState::kFaultsBlocked : ThreadState::kReady;
  return kPassthrough;
}

void install_fault_handlers() {
  static bool installed = false;
  if (installed) return;
  installed = true;
  for (int signal : {SIGSEGV, SIGBUS}) {
    KernelSigaction before;
    if (raw_sigaction(signal, nullptr, &before) != 0) continue;
    KernelSigaction ignored;
    change_action(signal, &before, ignored);
  }
}

KernelSigaction program_action(int signal) {
  if (is_vfork_child()) return bt_thread.area->child_actions[signal];
  ActionLock lock;
  return actions[signal];
}

void forget_program_action(int signal) {
  if (is_vfork_child()) {
    bt_thread.area->child_actions[signal].handler = kDefault;
    return;
  }
  ActionLock lock;
  actions[signal].handler = kDefault;
}

void ignore_faults_as_program_does() {
  for (int signal : {SIGSEGV, SIGBUS}) {
    KernelSigaction action = program_action(signal);
    if (action.handler == kIgnore) raw_sigaction(signal, &action, nullptr);
  }
}

void restore_fault_handlers() {
  for (int signal : {SIGSEGV, SIGBUS}) {
    KernelSigaction action = program_action(signal);
    if (action.handler != kIgnore) continue;
    KernelSigaction ignored;
    change_action(signal, &action, ignored);
  }
}

// Nothing of ours stands in the kernel for such a signal, and what a child tells the kernel about it stands there as it is
// (change_child_action).
bool is_kernels_in_child(uint64_t signal) {
  return signal <= kSignalsMax && !is_fault_signal(static_cast<int>(signal)) &&
         !is_handler(bt_thread.area->child_actions[signal].handler);
}

void begin_child_actions() {
  ThreadArea& area = *bt_thread.area;
  {
    ActionLock lock;
    for (int i = 0; i <= kSignalsMax; i++) area.child_actions[i] = actions[i];
  }
  area.state_before_vfork = bt_thread.state;
  area.in_vfork_child = true;
}

void end_child_actions() {
  bt_thread.area->in_vfork_child = false;
  bt_thread.state = bt_thread.area->state_before_vfork;
}

void reset_signal_lock() { action_lock = 0; }

void requeue_deferred_signal() {
  ThreadArea* area = bt_thread.area;
  raw_syscall(SYS_rt_tgsigqueueinfo, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid),
              area->pending_signal, raw_argument(&area->pending));
}

posix::SignalDue signal_due() {
  using posix::SignalDue;
  auto due = [](const KernelSigaction& action) {
    return action.flags & SA_RESTART ? SignalDue::kRestarts : SignalDue::kInterrupts;
  };
  if (bt_thread.attention & kAttentionSignal)
    return due(program_action(static_cast<int>(bt_thread.area->pending_signal)));
  if (!(bt_thread.attention & kAttentionMask)) return SignalDue::kNone;
  uint64_t pending = 0;
  raw_syscall(SYS_rt_sigpending, raw_argument(&pending), sizeof pending);
  pending &= ~bt_thread.area->mask;
  for (; pending; pending &= pending - 1) {
    int signal = __builtin_ctzll(pending) + 1;
    KernelSigaction action;
    if (raw_sigaction(signal, nullptr, &action) != 0) continue;
    bool is_ignored_by_default =
        signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
    if (is_handler(action.handler)) return due(action);
    if (action.handler == kDefault && !is_ignored_by_default) return SignalDue::kInterrupts;
  }
  return SignalDue::kNone;
}

// A handler is due while the thread is inside. The signal is kept and all others stay blocked, by way of the mask that
// the kernel restores when this returns; bt_attend takes both back.
extern "C" BT_HIDDEN void bt_defer_signal(int signal, siginfo_t* info, void* raw) {
  auto* context = static_cast<ucontext_t*>(raw);
  auto& mask = *reinterpret_cast<uint64_t*>(&context->uc_sigmask);
  ThreadArea* area = bt_thread.area;
  area->pending_signal = static_cast<uint32_t>(signal);
  area->pending = *info;
  if (!(bt_thread.attention & kAttentionMask)) area->mask = mask;
  mask = kDeferrable;
  bt_thread.attention |= kAttentionMask | kAttentionSignal;
  // A one-shot handler is gone from the kernel by now, and is wanted once more.
  KernelSigaction action = program_action(signal);
  if (action.flags & SA_RESETHAND) {
    KernelSigaction kernel = kernel_action(signal, action);
    raw_sigaction(signal, &kernel, nullptr);
  }
}

// On leaving. True: `mask` is to become the thread's signal mask, last of all.
extern "C" BT_HIDDEN bool bt_attend(uint64_t* mask) {
  ThreadArea* area = bt_thread.area;
  uint32_t attention = bt_thread.attention;
  bt_thread.attention = 0;
  if (attention & kAttentionSignal) requeue_deferred_signal();
  *mask = area->mask;
  return (attention & kAttentionMask) != 0;
}

}  // namespace bt::agent
