// SPDX-License-Identifier: MIT
#include "posix/locks.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

Result<void> lock_descriptor(uint64_t fd, uint32_t operation) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  return whole_lock(file, operation);
}

}  // namespace

BT_SERVE_DESCRIPTOR(flock) { return answer(lock_descriptor(a, uint_of(b))); }

}  // namespace bt::posix
