// SPDX-License-Identifier: MIT
#include "agent/execute.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>

#include "agent/calls.h"
#include "agent/environment.h"
#include "agent/exec_target.h"
#include "agent/look.h"
#include "agent/signals.h"
#include "agent/thread_block.h"
#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/process.h"

namespace bt::agent {
namespace {

using base::raw_syscall;

void free_scratch(ThreadArea& area) {
  if (area.scratch)
    raw_syscall(SYS_munmap, reinterpret_cast<int64_t>(area.scratch),
                static_cast<int64_t>(area.scratch_size));
  area.scratch = nullptr;
}

// Prepares everything for the site to execute; `environment` is the register that holds envp.
int64_t pass_exec(ExecTarget target, uint64_t& environment) {
  ThreadArea& area = *bt_thread.area;
  // Natively an exec that will fail changes nothing, and one that comes back leaves nothing to undo.
  if (target == ExecTarget::kMissing) return kPassthrough;
  bool served = target == ExecTarget::kServed;
  const uint32_t session = served && posix::first_look.attached ? posix::any_session() : 0;
  Preload preload = target == ExecTarget::k32Bit ? Preload::kDrop : Preload::kCarry;
  uint64_t size;
  auto* program_environment = reinterpret_cast<char* const*>(environment);
  auto* prepared = prepare_environment(program_environment, preload, session, size);
  // An image that is not told, or that stays out because it was told to, would leave the session lying.
  if (session && !size) served = false;
  if (size) {
    area.scratch = const_cast<char**>(prepared);
    area.scratch_size = size;
    environment = reinterpret_cast<uint64_t>(prepared);
  }
  if (posix::first_look.attached) posix::before_exec(served);
  ignore_faults_as_program_does();
  area.state_before_exec = bt_thread.state;
  bt_thread.state = ThreadState::kExecuting;
  return kPassthrough;
}

}  // namespace

// The path is only ever the kernel's to read: a copy would be two pages more that a fork child touches.
int64_t call_execve(uint64_t a, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  return pass_exec(inspect_target(AT_FDCWD, reinterpret_cast<const char*>(a)),
                   bt_thread.area->frame->rdx);
}

int64_t call_execveat(uint64_t a, uint64_t b, uint64_t, uint64_t, uint64_t, uint64_t) {
  char path[PATH_MAX];
  if (base::copy_string_from_user(path, reinterpret_cast<const char*>(b), sizeof path) < 0)
    return kPassthrough;
  // The kernel knows only a placeholder by that number.
  if (path[0] != '/' && is_our_descriptor(a)) posix::stand_aside(0);
  if (path[0] == 0) {
    // The file behind the descriptor, by its other name: an O_PATH descriptor cannot be opened by an empty one.
    char* at = path;
    for (const char* c = "/proc/self/fd/"; *c; c++) *at++ = *c;
    char digits[12];
    int count = 0;
    for (uint32_t fd = static_cast<uint32_t>(a); count == 0 || fd; fd /= 10)
      digits[count++] = static_cast<char>('0' + fd % 10);
    while (count) *at++ = digits[--count];
    *at = 0;
  }
  return pass_exec(inspect_target(static_cast<int32_t>(a), path), bt_thread.area->frame->r10);
}

void undo_exec() {
  if (posix::first_look.attached) posix::failed_exec();
  restore_fault_handlers();
  free_scratch(*bt_thread.area);
}

void forget_exec_of_child() {
  ThreadArea& area = *bt_thread.area;
  if (bt_thread.state == ThreadState::kExecuting) bt_thread.state = area.state_before_exec;
  free_scratch(area);
}

}  // namespace bt::agent
