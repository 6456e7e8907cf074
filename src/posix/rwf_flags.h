// SPDX-License-Identifier: MIT
// The RWF_… flags of preadv2 and pwritev2 on regular files in memory: nothing to wait for, nothing to make durable.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace bt::posix {

inline constexpr uint32_t kRwfHighPriority = 1, kRwfDataSync = 2, kRwfSync = 4, kRwfNoWait = 8,
                          kRwfAppend = 16, kRwfNoAppend = 32, kRwfNoSignal = 256;

// EOPNOTSUPP for what tmpfs has not either.
inline Result<void> check_rwf_flags(uint32_t flags) {
  constexpr uint32_t kKnown =
      kRwfHighPriority | kRwfDataSync | kRwfSync | kRwfAppend | kRwfNoAppend | kRwfNoSignal;
  if (flags & ~kKnown) return Error(EOPNOTSUPP);
  if ((flags & kRwfAppend) && (flags & kRwfNoAppend)) return Error(EINVAL);
  return {};
}

}  // namespace bt::posix
