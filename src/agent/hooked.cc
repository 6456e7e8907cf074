// SPDX-License-Identifier: MIT
// A call that is passed on and whose result a program waits for is executed by entry.S, on the program's own stack and
// with nothing of ours held (kWatched): it may block, be interrupted by a handler, or never return. bt_after_watched then
// runs the exit programs with what the frame kept.
#include "agent/hooked.h"

#include <sys/syscall.h>

#include "agent/agent.h"
#include "agent/look.h"
#include "agent/thread_block.h"
#include "base/syscall.h"
#include "hooks/hooks.h"
#include "hooks/runtime.h"
#include "posix/call_path.h"
#include "registry/reader.h"

namespace bt::agent {
namespace {

// These do not come back, come back twice, or must not be executed from another place.
bool is_watchable(int number) {
  switch (number) {
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case SYS_clone3:
    case SYS_execve:
    case SYS_execveat:
    case SYS_exit:
    case SYS_exit_group:
    case SYS_rt_sigreturn:
    case SYS_set_robust_list:
      return false;
    default:
      return true;
  }
}

// The kernel knows our descriptors as placeholders only: calls on one, or on a path below one, are ours to answer.
bool may_go_to_kernel(const hooks::Call& call) {
  hooks::OpCall op = hooks::op_call(call.nr);
  for (int8_t argument : op.fd_argument)
    if (argument >= 0 && is_our_descriptor(call.args[argument])) return false;
  return true;
}

void identify(hooks::Call& call, int32_t fd, uint64_t path) {
  posix::CallTarget target = posix::target_of_call(fd, reinterpret_cast<const char*>(path));
  call.mount = target.mount;
  call.inode = target.inode;
}

uint32_t absolute_path(int32_t directory, uint64_t path, char* out, uint32_t size) {
  return posix::path_of_call(directory, reinterpret_cast<const char*>(path), out, size);
}

}  // namespace

int64_t call_hooked(PlainHandler plain, hooks::Call& call) {
  // Programs are told which mount a call is about.
  if (posix::first_look.announced) attach_now();
  hooks::Verdict verdict = hooks::run_enter(bt_thread.hooks, call);
  if (verdict == hooks::Verdict::kAnswered) return call.result;
  const bool wants_exit = call.wants_exit;
  int64_t result = kPassthrough;
  if (verdict == hooks::Verdict::kKernel && may_go_to_kernel(call))
    posix::make_room_for_kernel();
  else
    result =
        plain(call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]);
  if (!wants_exit || result == kSplit || result == kRestart ||
      !is_watchable(static_cast<int>(call.nr)))
    return result;
  // While the mask is not the program's (a thread that blocks SIGSEGV) the call cannot wait for anything: unwatched.
  if (result == kPassthrough) return bt_thread.attention ? kPassthrough : kWatched;
  call.served = hooks::Served::kInProcess;
  return hooks::run_exit(bt_thread.hooks, call, result);
}

extern "C" BT_HIDDEN int64_t bt_after_watched(const Frame* frame, int64_t result) {
  hooks::Call call;
  call.nr = static_cast<int64_t>(frame->number);
  const uint64_t arguments[6] = {frame->rdi, frame->rsi, frame->rdx,
                                 frame->r10, frame->r8,  frame->r9};
  for (int i = 0; i < 6; i++) call.args[i] = arguments[i];
  call.served = hooks::Served::kKernel;
  return hooks::run_exit(bt_thread.hooks, call, result);
}

void start_hooks(char** environment) {
  char directory[registry::kDirectoryBytes];
  auto uid = static_cast<uint32_t>(base::raw_syscall(SYS_geteuid));
  if (!registry::run_directory(environment, uid, directory)) return;
  hooks::Host host;
  host.identify = identify;
  host.absolute_path = absolute_path;
  host.faults_handled = true;  // install_fault_handlers() comes before the first patched call
  hooks::init(directory, host);
}

}  // namespace bt::agent
