// SPDX-License-Identifier: MIT
#include "hooks/identity.h"

#include <asm/unistd.h>
#include <linux/prctl.h>

#include "base/syscall.h"
#include "hooks/clock.h"
#include "hooks/safe_copy.h"

namespace bt::hooks {
namespace {

using base::raw_argument;
using base::raw_syscall;

void ask(Thread& thread) {
  auto tid = static_cast<uint32_t>(raw_syscall(__NR_gettid));
  auto tgid = static_cast<uint32_t>(raw_syscall(__NR_getpid));
  auto uid = static_cast<uint32_t>(raw_syscall(__NR_getuid));
  auto gid = static_cast<uint32_t>(raw_syscall(__NR_getgid));
  thread.pid_tgid = static_cast<uint64_t>(tgid) << 32 | tid;
  thread.uid_gid = static_cast<uint64_t>(gid) << 32 | uid;
  ShadowTask& task = thread.task;
  task.pid = static_cast<int32_t>(tid);
  task.tgid = static_cast<int32_t>(tgid);
  task.group_leader = task.real_parent = reinterpret_cast<uint64_t>(&task);
  task.start_time = thread.user.token >> 32;
  raw_syscall(__NR_prctl, PR_GET_NAME, raw_argument(task.comm));
  task.comm[sizeof(task.comm) - 1] = 0;
}

}  // namespace

constinit std::atomic<uint64_t> identity_generation{1};

void ask_identity(Thread& thread, uint64_t now) {
  ask(thread);
  thread.identity_generation = now;
}

void identity_changed() { identity_generation.fetch_add(1, std::memory_order_relaxed); }

bool changes_identity(int64_t nr) {
  switch (nr) {
    case __NR_prctl:
    case __NR_setuid:
    case __NR_setgid:
    case __NR_setreuid:
    case __NR_setregid:
    case __NR_setresuid:
    case __NR_setresgid:
    case __NR_unshare:
    case __NR_setns:
      return true;
    default:
      return false;
  }
}

}  // namespace bt::hooks
