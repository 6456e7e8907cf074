// SPDX-License-Identifier: MIT
// Who runs: ids, credentials and comm, asked of the kernel once per thread and kept until a call that may change them
// (identity_changed), fork, or a new set of programs.
#pragma once

#include "base/bytes.h"
#include "hooks/thread.h"

namespace bt::hooks {

// What Thread::identity_generation is compared with, here and by compiled code. hint: a change is seen by the next call.
extern std::atomic<uint64_t> identity_generation;
void ask_identity(Thread& thread, uint64_t now);
// The thread itself, with pid_tgid, uid_gid and task filled in.
inline Thread& identity(Thread& thread) {
  uint64_t now = identity_generation.load(std::memory_order_relaxed);
  if (thread.identity_generation != now) [[unlikely]]
    ask_identity(thread, now);
  return thread;
}
// Some thread's identity may have changed: all are asked anew.
void identity_changed();
// True for setuid, prctl and the like.
bool changes_identity(int64_t nr);

}  // namespace bt::hooks
