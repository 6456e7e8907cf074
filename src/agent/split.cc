// SPDX-License-Identifier: MIT
// Calls that return twice: fork, vfork, clone, clone3. The handler here prepares, answers kSplit, and entry.S executes the
// call with the program's registers; bt_after_split then runs on both sides, before either goes on.
//
//   fork (memory is copied)       before_fork … after_fork on both sides
//   vfork, posix_spawn            begin_vfork … child_of_vfork in the child, end_vfork in the parent. Both share memory,
//   (CLONE_VM | CLONE_VFORK)      this TLS, the private stack and often the program's: what the parent needs later is in
//                                 ThreadArea::split, and nothing of the child's is alive when the parent goes on.
//   threads                       pass through; a new thread begins with a zero block
//   other sharers of memory       (a tracer thread of a sanitizer) use this thread's TLS at the same time: the thread is
//                                 retired, all its calls pass through
//
// All signals are blocked from the handler to the end on either side, so that no handler of the program sees a state in
// between, and a fork child starts with the mask the program had.
#include "agent/split.h"

#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstddef>

#include "agent/calls.h"
#include "agent/execute.h"
#include "agent/kernel_signal.h"
#include "agent/patcher.h"
#include "agent/signals.h"
#include "agent/thread_block.h"
#include "base/user_copy.h"
#include "hooks/hooks.h"
#include "posix/first_look.h"
#include "posix/process.h"

namespace bt::agent {

using base::raw_syscall;

namespace {

constexpr int kVforkTriesMax = 8;

// Another task was made that lives in this memory; it may be gone since.
uint32_t other_tasks = 0;  // atomic

enum SplitKind : uint64_t { kFork, kForkUnattached, kVfork, kVforkUnattached };

void stand_aside() {
  if (posix::first_look.attached | posix::first_look.announced) posix::stand_aside(0);
}

// Blocks all signals until entry.S puts the program's mask back. One that was deferred before goes back to the kernel,
// where it stays pending for this thread, and this thread only.
void block_signals() {
  uint64_t mask;
  set_signal_mask(~0ull, &mask);
  ThreadArea& area = *bt_thread.area;
  area.split_mask = bt_thread.attention & kAttentionMask ? area.mask : mask;
  if (bt_thread.attention & kAttentionSignal) requeue_deferred_signal();
  bt_thread.attention = 0;
}

int64_t split(SplitKind kind) {
  bt_thread.area->split_kind = kind;
  return kSplit;
}

int64_t begin_fork() {
  block_signals();
  if (!posix::first_look.attached && posix::begin_unattached_split()) return split(kForkUnattached);
  posix::before_fork();
  return split(kFork);
}

int64_t begin_vfork() {
  block_signals();
  // Copying the table can lose a race with a close of another thread; that passes.
  begin_child_actions();
  if (!posix::first_look.attached && posix::begin_unattached_split())
    return split(kVforkUnattached);
  int tries = 0;
  while (posix::first_look.attached && !posix::begin_vfork())
    if (++tries == kVforkTriesMax) posix::stand_aside(0);
  if (posix::first_look.attached) return split(kVfork);
  posix::begin_unattached_split();
  return split(kVforkUnattached);
}

// flags: of clone; for clone3 the low byte is not a signal.
int64_t begin_clone(uint64_t flags) {
  if ((flags & CLONE_VM) && !(flags & CLONE_VFORK))
    __atomic_store_n(&other_tasks, 1, __ATOMIC_RELAXED);
  if (flags & CLONE_THREAD) {
    patch_loader();  // which only one thread may do
    return kPassthrough;
  }
  if (!(flags & CLONE_VM)) {
    if (flags & CLONE_FILES) stand_aside();
    return begin_fork();
  }
  if (flags & CLONE_VFORK) return begin_vfork();
  if (!(flags & CLONE_SETTLS)) {
    bt_thread.state = ThreadState::kRetired;
    posix::thread_table = nullptr;
  }
  return kPassthrough;
}

}  // namespace

int64_t call_fork(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  return begin_fork();
}
int64_t call_vfork(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  return begin_vfork();
}
int64_t call_clone(uint64_t a, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  return begin_clone(a);
}
int64_t call_clone3(uint64_t a, uint64_t b, uint64_t, uint64_t, uint64_t, uint64_t) {
  uint64_t flags;
  if (b < sizeof flags || !base::load_user_u64(reinterpret_cast<void*>(a), flags))
    return kPassthrough;
  return begin_clone(flags);
}

bool shares_memory() { return __atomic_load_n(&other_tasks, __ATOMIC_RELAXED); }

extern "C" BT_HIDDEN void bt_after_split(int64_t result) {
  switch (bt_thread.area->split_kind) {
    case kVfork:
      if (result == 0) {
        posix::child_of_vfork();
        return;
      }
      posix::end_vfork(result);
      [[fallthrough]];
    case kVforkUnattached:
      if (result != 0 && bt_thread.area->split_kind == kVforkUnattached)
        posix::end_unattached_split(false);
      // The child has set out to exec with this thread's block.
      if (result != 0) {
        forget_exec_of_child();
        end_child_actions();
      }
      return;
    default:
      if (result == 0) {
        other_tasks = 0;
        reset_signal_lock();
        hooks::fork_child(bt_thread.hooks);
        keep_only_this_area();
        posix::end_unattached_split(true);
      } else if (bt_thread.area->split_kind == kForkUnattached) {
        posix::end_unattached_split(false);
      }
      if (bt_thread.area->split_kind == kFork) posix::after_fork(result);
  }
}

}  // namespace bt::agent
