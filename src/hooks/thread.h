// SPDX-License-Identifier: MIT
// What one thread needs to run programs: eBPF stack, recursion guard, cached identity. Blocks come from a pool of the
// runtime (hooks.h: Thread* is the agent's per-thread pointer to one) and are reused after their thread has gone.
// No lock: only its own thread writes a block; refresh() of another thread reads `running`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "hooks/context_format.h"
#include "hooks/maps.h"

namespace bt::hooks {

struct State;
struct LoadedImage;
struct Call;
struct OpCall;
struct Machine;

inline constexpr uint32_t kFramesMax = 8;
inline constexpr uint32_t kFrameSize = 512;

// bpf_get_current_task() returns the address of one; its BTF is loader/core_btf.cc.
struct ShadowTask {
  int32_t pid;
  int32_t tgid;
  uint64_t group_leader;
  uint64_t real_parent;
  uint64_t start_time;
  int32_t exit_code;
  uint32_t reserved;
  char comm[16];
};

// A path of the call at hand, as helpers see it; made when one first asks.
inline constexpr uint32_t kPathSlack = 8;  // readable bytes behind a path: it is looked at by words
struct CachedPath {
  bool known = false;
  uint32_t size = 0;
  char text[4096 + kPathSlack];
};

struct Thread {
  uint64_t stack_top = 0;   // the JIT loads it by offset 0
  uint32_t tail_calls = 0;  // the JIT counts it by offset 8
  uint32_t slot =
      0;  // the JIT loads it by offset 12; ~0 until a per-CPU map or the cpu id is first used
  uint64_t pid_tgid = 0;             // the JIT reads these three by their offsets
  uint64_t uid_gid = 0;              //   (identity.h)
  uint64_t identity_generation = 0;  // of which both are true
  std::atomic<bool> in_use{false};   // atomic: free_thread() → alloc_thread()
  bool overridden = false;
  bool may_override = false;
  bool shared_slot = false;  // slot is the last, which is taken for each run
  int64_t override_value = 0;
  // Of helpers that call back (callback.h). Compiled code sets `frame` before it calls one; interpreted code has a machine.
  uint64_t frame = 0;
  Machine* machine = nullptr;
  uint32_t callback_depth = 0;
  uint32_t callbacks_left = 0;
  const LoadedImage* image = nullptr;  // of the program that runs
  const Call* call = nullptr;          // whose btfuse/… program runs
  const OpCall* op = nullptr;          // what that call is
  // The state whose programs run here; also the recursion guard. atomic: run_enter/run_exit → refresh(), ordered by membarrier
  std::atomic<const State*> running{nullptr};
  MapUser user;
  uint64_t random = 0;
  ShadowTask task{};
  alignas(16) unsigned char stack[kFramesMax * kFrameSize];
  CachedPath paths[2];
};
static_assert(offsetof(Thread, stack_top) == 0 && offsetof(Thread, tail_calls) == 8 &&
              offsetof(Thread, slot) == 12);

}  // namespace bt::hooks
