// SPDX-License-Identifier: MIT
// A change of the volume that happens whole or not at all, also when its process is killed between two stores.
//
// Steps and what recovery does after each: docs/transactions.md (facts: engine.md 3.4). The rules that planted bugs test:
//   1. log entry, then log count, then data      2. the log is cleared before the first unlock
//   3. roll back last first                       4. sequences only grow
//   5. a lock is recorded in the slot before it is taken
//   6. every logged word is guarded by a lock held until commit
// Between the first lock and commit: no system call but waiting for the next lock.
#pragma once

#include "engine/thread.h"
#include "shm/lock.h"

namespace bt::engine {

class Transaction {
 public:
  // EAGAIN (signal_in_section) when this thread is already inside one; EIO when the volume is frozen.
  static Result<void> begin(Thread& thread);

  // Begins lazily: the constructor only notes the thread. Not copyable. The destructor rolls back what is uncommitted.
  explicit Transaction(Thread& thread) : thread_(thread) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // Takes the lock (at most kHeldMax; rank order asserted in debug builds), recovering a dead holder on the way. Taking a
  // lock this transaction holds already is allowed and does nothing. EIO: volume damaged.
  Result<void> lock(LockRecord& lock, shm::LockRank rank);

  // Logged stores. `place` lies in the volume under a lock held by this transaction.
  void store(uint64_t& place, uint64_t value);
  void store(int64_t& place, int64_t value) { store(reinterpret_cast<uint64_t&>(place), static_cast<uint64_t>(value)); }
  void store(uint32_t& place, uint32_t value);
  template <typename Index>
    requires(__is_enum(Index) && sizeof(Index) == 4)
  void store(Index& place, Index value) {
    store(reinterpret_cast<uint32_t&>(place), static_cast<uint32_t>(value));
  }
  void store(InodeNumber& place, InodeNumber value) { store(place.value, value.value); }
  // Readers that cached a path must look again (directories moved, removed, chmod'ed).
  void bump_dirtree();

  // The point of no return; releases everything.
  void commit();
  // Undoes all stores and releases everything.
  void roll_back();

 private:
  Thread& thread_;
  bool open_ = false;
};

}  // namespace bt::engine
