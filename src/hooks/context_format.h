// SPDX-License-Identifier: MIT
// What a program sees behind r1. The tracepoint contexts are the kernel's; CallContext is ours and is the same struct as
// `struct btfuse_ctx` of programs/btfuse.bpf.h, which programs are compiled against (a test compares the two).
#pragma once

#include <cstddef>
#include <cstdint>

namespace bt::hooks {

// trace_event_raw_sys_enter and _exit. The first 8 bytes (trace_entry) are zero but for the pid.
struct SysEnterContext {
  uint16_t type;
  uint8_t flags;
  uint8_t preempt_count;
  int32_t pid;
  int64_t id;
  uint64_t args[6];
};
static_assert(sizeof(SysEnterContext) == 64);
struct SysExitContext {
  uint16_t type;
  uint8_t flags;
  uint8_t preempt_count;
  int32_t pid;
  int64_t id;
  int64_t ret;
};
static_assert(sizeof(SysExitContext) == 24);

enum class Action : uint32_t {
  kServe = 0,   // answer in-process if the file is ours: what happens without a program
  kKernel = 1,  // hand the call to the kernel
  kDeny = 2,    // do not make the call; return CallContext::ret
};

// How a call was answered; in exit contexts.
enum class Served : uint32_t { kUnknown = 0, kInProcess = 1, kKernel = 2, kDenied = 3 };

// btfuse/decide|enter|exit/OP. `action` and `ret` are writable in decide programs; everything else is read-only.
struct CallContext {
  uint32_t op;       // ops.def, in its order
  uint32_t action;   // Action
  int64_t ret;       // decide: the answer where action is kDeny (−errno); exit: the call's result
  int64_t nr;        // system call number
  uint64_t args[6];  // as the program passed them
  uint64_t path;     // address of the path argument, as the program gave it; 0 = none
  uint64_t path2;    // of the second one (rename, link); 0 = none
  uint64_t mount;   // 1 + index of the bt_fuse mount in this process; 0 = the call is not about one
  uint64_t inode;   // inode number on that mount, where a descriptor tells it; else 0
  uint64_t flags;   // open flags of an open; 0 otherwise
  int32_t fd;       // descriptor (or directory descriptor) of the call; −1 = none
  uint32_t served;  // Served; in exit programs
};
static_assert(sizeof(CallContext) == 120);
static_assert(offsetof(CallContext, path) == 72 && offsetof(CallContext, served) == 116);

}  // namespace bt::hooks
