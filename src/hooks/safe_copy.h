// SPDX-License-Identifier: MIT
// Reads of addresses that the program under us chose, with the results of the kernel's bpf_probe_read helpers. They go
// through base/user_copy.h where the agent says that its fault handler stands (set_faults_handled), else through
// process_vm_readv.
#pragma once

#include <atomic>
#include <cstdint>

namespace bt::hooks {

void set_faults_handled(bool handled);

// 0 or −EFAULT; on failure the whole of `to` is zero, as with the kernel's bpf_probe_read.
int64_t safe_read(void* to, uint64_t size, uint64_t from);
// Bytes copied with the terminator, which is always written where size > 0; or −EFAULT, and `to` is zero.
int64_t safe_read_string(char* to, uint64_t size, uint64_t from);

inline constexpr uint64_t kUserBegin = 4096, kUserEnd = 0x7fff'ffff'f000;
inline bool is_user_address(uint64_t address) {
  return address - kUserBegin < kUserEnd - kUserBegin;
}

extern std::atomic<bool> faults_handled;  // hint: constant once the agent stands
// Whether words of the OS page with this address may be read by base::load_user_u64.
inline bool may_load_words(uint64_t address) {
  return faults_handled.load(std::memory_order_relaxed) && is_user_address(address);
}

}  // namespace bt::hooks
