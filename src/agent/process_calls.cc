// SPDX-License-Identifier: MIT
// The small calls about a process and its threads.
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "agent/calls.h"
#include "agent/kernel_signal.h"
#include "agent/split.h"
#include "agent/thread_block.h"
#include "base/syscall.h"
#include "hooks/hooks.h"
#include "posix/first_look.h"
#include "posix/process.h"

namespace bt::agent {
namespace {

// A filter that the program brings was written for its own system calls, not for ours.
void stand_aside_for_filter() {
  if (posix::first_look.attached | posix::first_look.announced) posix::stand_aside(0);
}

}  // namespace

// libc registers its list of robust futexes at the start of a thread and once more in a fork child, after it emptied the
// list; what posix had linked there is gone, so the thread starts again.
int64_t call_set_robust_list(uint64_t a, uint64_t b, uint64_t, uint64_t, uint64_t, uint64_t) {
  if (!posix::first_look.attached) return kPassthrough;
  int64_t result =
      base::raw_syscall(SYS_set_robust_list, static_cast<int64_t>(a), static_cast<int64_t>(b));
  posix::robust_list_changed();
  return result;
}

int64_t call_exit(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  if (posix::first_look.attached) posix::before_thread_exit();
  hooks::thread_exit(bt_thread.hooks);
  release_area();
  return kPassthrough;
}

// Nothing of the program runs any more, unless another task shares its memory or a signal came just before.
int64_t call_exit_group(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  if (!posix::first_look.attached || !posix::any_session()) return kPassthrough;
  uint64_t mask;
  set_signal_mask(~0ull, &mask);
  const bool is_alone = !shares_memory() && !bt_thread.attention;
  if (!is_alone) set_signal_mask(mask, nullptr);
  posix::before_exit(is_alone);
  return kPassthrough;
}

int64_t call_prctl(uint64_t a, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  if (a == PR_SET_SECCOMP) stand_aside_for_filter();
  return kPassthrough;
}

int64_t call_seccomp(uint64_t a, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  if (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER) stand_aside_for_filter();
  return kPassthrough;
}

}  // namespace bt::agent
