// SPDX-License-Identifier: MIT
// Calls that the kernel must make, for it has pages of the file (engine/kernel_pages.h): through the mount, on a descriptor
// that lives only for the call.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

inline bool is_for_kernel(Error error) { return error == error::kernel_has_pages; }

// System call `number` with the file as its descriptor.
Result<uint64_t> through_kernel(const OpenFile& file, int64_t number, uint64_t b = 0,
                                uint64_t c = 0, uint64_t d = 0, uint64_t e = 0, uint64_t f = 0);

// The same for what the engine has left to the kernel; anything else that it answered stands.
inline Result<void> or_through_kernel(Result<void> answered, const OpenFile& file, int64_t number,
                                      uint64_t b = 0, uint64_t c = 0, uint64_t d = 0) {
  if (answered || !is_for_kernel(answered.error())) return answered;
  BT_TRY(through_kernel(file, number, b, c, d));
  return {};
}

}  // namespace bt::posix
