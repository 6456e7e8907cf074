// SPDX-License-Identifier: MIT
// Who runs: ids, credentials and comm, asked of the kernel once per thread and kept until a call that may change them
// (identity_changed), fork, or a new set of programs.
#pragma once

#include "base/bytes.h"
#include "hooks/thread.h"

namespace bt::hooks {

// The thread itself, with pid_tgid, uid_gid and task filled in.
Thread& identity(Thread& thread);
// Some thread's identity may have changed: all are asked anew.
void identity_changed();
// What Thread::identity_generation is compared with: for the JIT, which asks only where they differ.
const std::atomic<uint64_t>* identity_generation();
// True for setuid, prctl and the like.
bool changes_identity(int64_t nr);

}  // namespace bt::hooks
