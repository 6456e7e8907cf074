// SPDX-License-Identifier: MIT
#include "agent/thread_block.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>

#include "agent/execute.h"
#include "agent/kernel_signal.h"
#include "agent/patcher.h"
#include "agent/signals.h"
#include "base/bytes.h"
#include "base/syscall.h"
#include "hooks/hooks.h"
#include "posix/first_look.h"
#include "posix/process.h"

namespace bt::agent {

using base::raw_argument;
using base::raw_syscall;

extern "C" {
thread_local constinit ThreadBlock bt_thread = {};
BT_HIDDEN void bt_call_on_stack(void (*function)(), void* stack);
}

static_assert(offsetof(ThreadBlock, area) == BT_THREAD_STACK);
static_assert(offsetof(ThreadBlock, state) == BT_THREAD_STATE);
static_assert(offsetof(ThreadBlock, depth) == BT_THREAD_DEPTH);
static_assert(offsetof(ThreadBlock, attention) == BT_THREAD_ATTENTION);
static_assert(offsetof(ThreadArea, split) == BT_AREA_SPLIT);
static_assert(offsetof(ThreadArea, split_mask) == BT_AREA_SPLIT_MASK);
static_assert(offsetof(ThreadArea, frame) == BT_AREA_FRAME);
static_assert(sizeof(ThreadArea) % 64 == 0);  // the stack's top is aligned
static_assert(offsetof(Frame, number) == BT_FRAME_NUMBER && offsetof(Frame, r9) == BT_FRAME_R9);
static_assert(offsetof(Frame, r8) == BT_FRAME_R8 && offsetof(Frame, r10) == BT_FRAME_R10);
static_assert(offsetof(Frame, rdx) == BT_FRAME_RDX && offsetof(Frame, rsi) == BT_FRAME_RSI);
static_assert(offsetof(Frame, rdi) == BT_FRAME_RDI && offsetof(Frame, rbp) == BT_FRAME_RBP);
static_assert(offsetof(Frame, after) == BT_FRAME_AFTER);
static_assert(kSignalsMax == 64);

namespace {

constexpr uint64_t kGuardSizeBytes = 4096;
constexpr uint64_t kActionsSizeBytes = 4096;  // of a vfork child, at the end of an area's memory
static_assert(sizeof(KernelSigaction[kSignalsMax + 1]) <= kActionsSizeBytes);
// Areas of dead threads are looked for among so many, so that making a thread stays cheap with thousands alive.
constexpr int kDeadSoughtMax = 16;

// For the first thread that wants one: two system calls and two mappings less than if it were made, at every start and in
// every fork. Below lies the end of the agent's text (agent.lds), which guards it as well as a page of its own would.
struct FirstArea {
  uint8_t stack[kStackSizeBytes - sizeof(ThreadArea)];
  ThreadArea area;
};
constinit FirstArea first_area = {};
constinit KernelSigaction first_child_actions[kSignalsMax + 1] = {};

// All areas of the process, newest first; only ever grows at the head.
constinit ThreadArea* areas = &first_area.area;  // atomic: add_area → find_free_area

uint32_t own_thread_id() { return static_cast<uint32_t>(raw_syscall(SYS_gettid)); }

bool is_dead(uint32_t thread_id) {
  int64_t pid = raw_syscall(SYS_getpid);
  return raw_syscall(SYS_tgkill, pid, thread_id, 0) == -ESRCH;
}

ThreadArea* find_free_area(uint32_t thread_id) {
  int sought = 0;
  for (ThreadArea* area = __atomic_load_n(&areas, __ATOMIC_ACQUIRE); area; area = area->next) {
    uint32_t owner = __atomic_load_n(&area->thread_id, __ATOMIC_RELAXED);
    if (owner && (sought++ >= kDeadSoughtMax || !is_dead(owner))) continue;
    if (__atomic_compare_exchange_n(&area->thread_id, &owner, thread_id, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
      return area;
  }
  return nullptr;
}

// A guard page, the stack, the area at its end, the actions on a page of their own.
ThreadArea* add_area(uint32_t thread_id) {
  constexpr uint64_t size = kGuardSizeBytes + kStackSizeBytes + kActionsSizeBytes;
  int64_t memory = raw_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory < 0 && memory > -4096) return nullptr;
  raw_syscall(SYS_mprotect, memory, kGuardSizeBytes, PROT_NONE);
  auto* actions = reinterpret_cast<KernelSigaction*>(memory + size - kActionsSizeBytes);
  auto* area = reinterpret_cast<ThreadArea*>(actions) - 1;
  area->child_actions = actions;
  area->thread_id = thread_id;
  area->next = __atomic_load_n(&areas, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&areas, &area->next, area, false, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED)) {
  }
  return area;
}

// With all signals blocked, so that no handler comes here meanwhile.
bool begin_thread() {
  uint32_t thread_id = own_thread_id();
  // First of all: who reads the page before he writes to it has two faults for it.
  __atomic_store_n(&first_area.area.child_actions, &first_child_actions[0], __ATOMIC_RELAXED);
  ThreadArea* area = find_free_area(thread_id);
  if (!area) area = add_area(thread_id);
  if (!area) return false;
  bt_thread.area = area;
  install_fault_handlers();
  posix::signal_due = signal_due;
  bt_call_on_stack(posix::thread_started, area);
  if (posix::first_look.attached) bt_call_on_stack(patch_loader, area);
  return true;
}

// Null, or all of it on the part of the program's stack that is there for certain: in the OS page where the frame was just
// put, or in that of the address that the program's last call has pushed.
bool is_beside(const Frame* frame, uint64_t pointer, uint64_t size) {
  constexpr uint64_t kPageSizeBytes = 4096, kRedZoneBytes = 128;
  auto at = reinterpret_cast<uint64_t>(frame);
  uint64_t first = at / kPageSizeBytes;
  uint64_t last = (at + sizeof(Frame) + kRedZoneBytes) / kPageSizeBytes;
  return !pointer ||
         (pointer / kPageSizeBytes >= first && (pointer + size - 1) / kPageSizeBytes <= last);
}

// Calls that cannot meet a bad pointer though SIGSEGV is blocked; opening and closing would be two more calls each.
bool needs_no_faults(const Frame* frame) {
  if (frame->number != SYS_rt_sigaction && frame->number != SYS_rt_sigprocmask) return false;
  if (hooks::is_watched(static_cast<uint32_t>(frame->number))) return false;
  return is_beside(frame, frame->rsi, sizeof(KernelSigaction)) &&
         is_beside(frame, frame->rdx, sizeof(KernelSigaction));
}

// posix_spawn's child looks at the action of every signal and changes it: more than a hundred calls.
bool is_plain_for_child(const Frame* frame) {
  return frame->number == SYS_rt_sigaction && bt_thread.area && bt_thread.area->in_vfork_child &&
         !hooks::is_watched(SYS_rt_sigaction) && is_kernels_in_child(frame->rdi);
}

}  // namespace

extern "C" bool bt_prepare_thread(const Frame* frame) {
  if (bt_thread.state == ThreadState::kRetired) return false;
  // Most programs end without ever having had a file of ours: no area for that.
  if (bt_thread.state == ThreadState::kUnseen && frame->number == SYS_exit_group &&
      !posix::has_had_files())
    return false;
  if (bt_thread.state == ThreadState::kFaultsBlocked) {
    if (is_plain_for_child(frame)) return false;
    if (needs_no_faults(frame)) return true;
  }
  uint64_t mask;
  set_signal_mask(kDeferrable, &mask);
  if (bt_thread.state == ThreadState::kExecuting) {
    bt_thread.state = bt_thread.area->state_before_exec;
    bt_call_on_stack(undo_exec, bt_thread.area);
    if (bt_thread.state == ThreadState::kReady) {
      set_signal_mask(mask, nullptr);
      return true;
    }
  }
  if (bt_thread.state == ThreadState::kUnseen) {
    bool good = begin_thread();
    if (good)
      bt_thread.state = mask & kFaultSignals ? ThreadState::kFaultsBlocked : ThreadState::kReady;
    if (!good || bt_thread.state == ThreadState::kReady) {
      set_signal_mask(mask, nullptr);
      return good;
    }
  }
  // A handler that blocked them has returned.
  if (!(mask & kFaultSignals)) {
    bt_thread.state = ThreadState::kReady;
    set_signal_mask(mask, nullptr);
    return true;
  }
  // A bad pointer must give EFAULT although the program blocks SIGSEGV: it is open while we are inside, and nothing else
  // is, so that the mask to go back to cannot change.
  bt_thread.area->mask = mask;
  bt_thread.attention |= kAttentionMask;
  return true;
}

void keep_only_this_area() {
  for (ThreadArea* area = areas; area; area = area->next) area->thread_id = 0;
  if (bt_thread.area) bt_thread.area->thread_id = own_thread_id();
}

void release_area() {
  ThreadArea* area = bt_thread.area;
  if (!area) return;
  bt_thread.state = ThreadState::kRetired;
  bt_thread.area = nullptr;
  __atomic_store_n(&area->thread_id, 0, __ATOMIC_RELEASE);
}

}  // namespace bt::agent
