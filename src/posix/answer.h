// SPDX-License-Identifier: MIT
// From Results to what a handler returns. "The kernel is to answer" travels as an error of its own, error::not_ours, so
// that BT_TRY carries it like any other; here it becomes kPassthrough. Likewise ERESTART, which becomes kRestart.
#pragma once

#include <cerrno>

#include "base/result.h"
#include "metrics/block.h"
#include "posix/calls.h"

namespace bt::posix {

using metrics::Way;

// Remembers why this thread's call is handed on (counted when a mount of ours was recognised) and returns
// error::not_ours.
Error pass(Way reason);

inline int64_t answer_error(Error error) {
  if (error == error::not_ours) return kPassthrough;
  if (error == Error(ERESTART)) return kRestart;
  return -static_cast<int64_t>(error.errno_value());
}
template <typename T>
inline int64_t answer(Result<T> result) {
  if (!result) [[unlikely]]
    return answer_error(result.error());
  if constexpr (__is_same(T, void))
    return 0;
  else
    return static_cast<int64_t>(*result);
}

// A value of the kernel (or −errno) as a Result.
inline Result<int64_t> from_kernel(int64_t value) {
  if (value < 0 && value > -4096) return Error(static_cast<int>(-value));
  return value;
}

}  // namespace bt::posix
