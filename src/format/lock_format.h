// SPDX-License-Identifier: MIT
// A lock of the volume: who holds it, and a sequence that readers use instead of taking it.
//
//   tag   {holder's slot : 32 | generation of the slot's owner : 31 | somebody waits : 1}, 0 = free
//   seq   odd while a holder changes what the lock guards; only ever grows; never rolled back
//
// The protocol is shm/lock.h.
#pragma once

#include <cstdint>

namespace bt::format {

struct LockRecord {
  uint64_t tag;  // atomic: release in lock_release → acquire in lock_acquire
  uint64_t seq;  // atomic: release in lock_release → acquire in read_begin
};
static_assert(sizeof(LockRecord) == 16);

}  // namespace bt::format
