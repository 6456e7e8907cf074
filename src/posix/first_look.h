// SPDX-License-Identifier: MIT
// The questions asked before anything else, on every intercepted call: may this be about one of our mounts? "No" must be
// certain and cost a few nanoseconds; "maybe" is cheap to be wrong about.
#pragma once

#include <cstdint>

namespace bt::posix {

// One entry a descriptor number, in private memory, 8 bytes: 0 = the kernel's; otherwise see posix/files.h.
struct DescriptorTable {
  static constexpr uint32_t kSize = 65536;
  uint64_t entry[kSize];
};

// What of a process the first look reads; one cache line. Written by posix when mounts come and go or the directory
// changes.
struct FirstLook {
  DescriptorTable* table;  // this process's; a vfork child's thread has its own (thread_table)
  uint64_t prefix;       // the first 8 bytes of the only mount point, as a word, under prefix_mask
  uint64_t prefix_mask;  // 0 when several mounts: path_may_be_ours then compares each
  uint32_t attached;     // 0: no volume: everything is the kernel's
  uint32_t cwd_is_ours;  // relative paths start on a mount
  uint32_t cwd_above_ours;  // a mount lies somewhere below the working directory
  uint32_t
      pool_is_filled;  // placeholder numbers are kept back: calls that allocate descriptors must release them
  // There are mounts, but no call has been about one of them so far, and no volume is mapped (announce.h).
  uint32_t announced;
};
extern FirstLook first_look;

// The table the calling thread's descriptors are in; nullptr until thread_started(). A vfork child sees a copy.
extern thread_local constinit DescriptorTable* thread_table
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

// `path` may be bad memory: it is read through base/user_copy.h. False only when no path starting like this can reach a
// mount of ours.
bool path_may_be_ours(const char* path);
// The same for (dirfd, path) of the *at calls.
bool at_path_may_be_ours(int32_t directory, const char* path);
// The path's first 8 bytes, or those before the end of the OS page. False: bad memory.
bool load_path_start(const char* path, uint64_t& word);

}  // namespace bt::posix
