// SPDX-License-Identifier: MIT
// Waiting for a lock that somebody else holds: spin a little and back off, then sleep, and each time look whether the holder
// is alive. And the gate: whoever looks at the whole volume (check) closes it, and transactions wait before they begin.
//
// Gate: a transaction sets in_transaction, takes its first lock (a full barrier), then reads the gate; the closer sets the
// gate (a full barrier), then waits for every in_transaction to be 0. One of the two sees the other. A closer that died
// opens the gate by its death.
#pragma once

#include "engine/thread.h"
#include "shm/lock.h"

namespace bt::engine {

// Precondition: the lock is recorded in the slot's held list already. EIO: damage, or the volume was frozen meanwhile. The
// lock is recorded no more on failure.
Result<void> acquire_contended(Thread& thread, LockRecord& lock);

inline bool is_gate_closed(const Thread& thread) {
  uint64_t gate = __atomic_load_n(&thread.volume->superblock().gate, __ATOMIC_ACQUIRE);
  return gate != 0 && gate != thread.tag;
}
// Lets go of the lock just taken, waits for the gate and takes the lock again.
Result<void> pass_gate(Thread& thread, LockRecord& lock);

// Waits until no transaction runs, and keeps new ones waiting until open_gate. EBUSY: somebody else has closed it. EIO.
// ETIMEDOUT: a transaction did not end within timeout_ms (its thread is stopped).
Result<void> close_gate(Thread& thread, uint32_t timeout_ms);
void open_gate(Thread& thread);

}  // namespace bt::engine
