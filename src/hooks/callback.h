// SPDX-License-Identifier: MIT
// Functions of a program that helpers call: bpf_loop, bpf_for_each_map_elem. The verifier has judged them for every number
// of rounds; how many there are is bounded here, over all loops within each other.
#pragma once

#include <cstdint>

namespace bt::hooks {

struct Thread;

inline constexpr uint32_t kLoopsMax = 1u << 23;  // the kernel's bound, there of each loop

// One run of a helper that calls back. May be within another's.
class CallbackRun {
 public:
  explicit CallbackRun(Thread& thread);
  ~CallbackRun();
  CallbackRun(const CallbackRun&) = delete;
  // Calls `function` (as ld_imm64 of a function made it) with these arguments, in a frame below the caller's. False: this
  // was the last round, because the function says so or because there were too many.
  bool once(uint64_t function, uint64_t r1, uint64_t r2, uint64_t r3 = 0, uint64_t r4 = 0);

 private:
  Thread& thread_;
  uint64_t frame_;
};

}  // namespace bt::hooks
