// SPDX-License-Identifier: MIT
// The first look of a call (agent/syscalls.def): may it be ours? Stubs answer the parts about descriptors and flags in a
// few instructions of their own (stub_writer.cc); this is the whole question.
#pragma once

#include <cstdint>

#include "posix/first_look.h"

namespace bt::agent {

enum Look : uint32_t {
  kFd0 = 1 << 0,
  kFd1 = 1 << 1,
  kFd2 = 1 << 2,
  kFd3 = 1 << 3,
  kFd4 = 1 << 4,
  kPath0 = 1 << 5,
  kPath1 = 1 << 6,
  kAt0 = 1 << 7,
  kAt1 = 1 << 8,
  kAt2 = 1 << 9,
  kPool = 1 << 10,
  kCwd = 1 << 11,
  kAttached = 1 << 12,
  kAlways = 1 << 13,
  kServing = 1 << 14,
  kAttaches = 1 << 15,
};
// Parts that a stub cannot answer.
inline constexpr uint32_t kNeedsEntry = kPath0 | kPath1 | kAt0 | kAt1 | kAt2;

inline bool is_our_descriptor(uint64_t argument) {
  auto fd = static_cast<uint32_t>(argument);
  posix::DescriptorTable* table = posix::thread_table;
  return fd < posix::DescriptorTable::kSize && table && table->entry[fd] != 0;
}
inline bool is_our_path(uint64_t argument) {
  return posix::path_may_be_ours(reinterpret_cast<const char*>(argument));
}
inline bool is_our_at_path(uint64_t directory, uint64_t path) {
  // Mostly the file itself, or a path below it; an absolute one is found out later.
  if (is_our_descriptor(directory)) return true;
  return posix::at_path_may_be_ours(static_cast<int32_t>(directory),
                                    reinterpret_cast<const char*>(path));
}

// While volumes are announced (posix/announce.h): may this call be about one of them, so that they are attached now, or
// must its handler be asked although they are not?
bool concerns_announced(uint32_t look, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
// Attaches them, and sees to what the agent has put off until then. False: not possible, or not now.
bool attach_now();

template <uint32_t look>
inline bool may_be_ours(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  if constexpr (look & kAlways) return true;
  if (!posix::first_look.attached) [[unlikely]] {
    if (!posix::first_look.announced || !concerns_announced(look, a, b, c, d)) return false;
  }
  if constexpr (look & (kAttached | kServing | kAttaches)) return true;
  if constexpr (look & kPool)
    if (posix::first_look.pool_is_filled) return true;
  if constexpr (look & kCwd)
    if (posix::first_look.cwd_is_ours | posix::first_look.cwd_above_ours) return true;
  if constexpr (look & kFd0)
    if (is_our_descriptor(a)) return true;
  if constexpr (look & kFd1)
    if (is_our_descriptor(b)) return true;
  if constexpr (look & kFd2)
    if (is_our_descriptor(c)) return true;
  if constexpr (look & kFd3)
    if (is_our_descriptor(d)) return true;
  if constexpr (look & kFd4)
    if (is_our_descriptor(e)) return true;
  if constexpr (look & kPath0)
    if (is_our_path(a)) return true;
  if constexpr (look & kPath1)
    if (is_our_path(b)) return true;
  if constexpr (look & kAt0)
    if (is_our_at_path(a, b)) return true;
  if constexpr (look & kAt1)
    if (is_our_at_path(b, c)) return true;
  if constexpr (look & kAt2)
    if (is_our_at_path(c, d)) return true;
  return false;
}

// The look of a system call; 0 when it is not intercepted.
uint32_t look_of(int number);

}  // namespace bt::agent
