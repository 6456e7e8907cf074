// SPDX-License-Identifier: MIT
// A change of the volume that happens whole or not at all, also when its process is killed between two stores.
//
// Steps and what recovery does after each: docs/transactions.md (facts: engine.md 3.4). The rules that planted bugs test:
//   1. log entry, then log count, then data      2. the log is cleared before the first unlock
//   3. roll back last first                       4. sequences only grow
//   5. a lock is recorded in the slot before it is taken
//   6. every logged word is guarded by a lock held until commit
// Between the first lock and commit: no system call but waiting for the next lock.
//
// Cost: about 1 ns a store and 5 ns a lock; hence the inline parts.
#pragma once

#include "base/assert.h"
#include "base/plant.h"
#include "engine/lock_wait.h"
#include "engine/thread.h"
#include "metrics/meter.h"
#include "shm/lock.h"

namespace bt::engine {

// The compiler keeps the order of stores across it; the processor does so anyway, and only order within this thread
// matters to whoever looks after its death.
inline void keep_order() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

class Transaction {
 public:
  // Begins with its first lock. The destructor rolls back what is uncommitted.
  explicit Transaction(Thread& thread)
      : thread_(thread), slot_(*thread.slot), base_(thread.volume->base()) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (open_) [[unlikely]]
      roll_back();
  }

  // Takes the lock (at most kHeldMax; rank order asserted in debug builds), recovering a dead holder on the way. Taking a
  // lock this transaction holds already is allowed and does nothing. EIO: volume damaged or frozen, session poisoned.
  // EAGAIN (signal_in_section): this thread is inside another transaction already.
  Result<void> lock(LockRecord& lock, shm::LockRank rank);

  // Logged stores. `place` lies in the volume under a lock held by this transaction.
  void store(uint64_t& place, uint64_t value) {
    if (BT_PLANT(log_after_data)) {
      uint64_t old = place;
      __atomic_store_n(&place, value, __ATOMIC_RELAXED);
      log(place, old, 0);
      return;
    }
    if (log(place, __atomic_load_n(&place, __ATOMIC_RELAXED), 0)) [[likely]]
      __atomic_store_n(&place, value, __ATOMIC_RELAXED);
  }
  void store(uint32_t& place, uint32_t value) {
    if (log(place, __atomic_load_n(&place, __ATOMIC_RELAXED), kLogHalfWord)) [[likely]]
      __atomic_store_n(&place, value, __ATOMIC_RELAXED);
  }
  void store(int64_t& place, int64_t value) {
    store(reinterpret_cast<uint64_t&>(place), static_cast<uint64_t>(value));
  }
  template <typename Index>
  requires(__is_enum(Index) && sizeof(Index) == 4) void store(Index& place, Index value) {
    store(reinterpret_cast<uint32_t&>(place), static_cast<uint32_t>(value));
  }
  void store(InodeNumber& place, InodeNumber value) { store(place.value, value.value); }
  // Several 8-byte words logged at once, which the caller then changes as he likes until commit: cheaper than stores one by
  // one, for the count is written once. False: no room, nothing may be changed.
  bool log_words(const uint64_t* words, uint64_t count) {
    if (count > room()) [[unlikely]]
      return overflow();
    uint64_t place = offset_of(words);
    for (uint64_t i = 0; i < count; i++)
      slot_.log[logged_ + i] = {place + i * 8, __atomic_load_n(&words[i], __ATOMIC_RELAXED)};
    publish(static_cast<uint32_t>(count));
    return true;
  }
  template <typename... Words>
  requires((sizeof(Words) == 8) && ...) bool log_each(const Words&... words) {
    if (sizeof...(words) > room()) [[unlikely]]
      return overflow();
    LogEntry* entry = &slot_.log[logged_];
    ((*entry++ = {offset_of(&words),
                  static_cast<uint64_t>(__atomic_load_n(&words, __ATOMIC_RELAXED))}),
     ...);
    publish(sizeof...(words));
    return true;
  }
  // How many stores the log still has room for. Beyond it nothing is stored and commit rolls back: an assertion, for what
  // every operation needs is bounded.
  uint32_t room() const { return kLogUsable - logged_; }
  // Readers that cached a path must look again (directories moved, removed, chmod'ed).
  void bump_dirtree() { bump_dirtree_ = true; }

  // Among this thread's events.
  void count(metrics::Event event) const { metrics::count_event(*thread_.block, event); }
  // The point of no return; releases everything.
  void commit();
  // Undoes all stores and releases everything.
  void roll_back();

 private:
  // Two entries are kept for the stamp of a FUSE request.
  static constexpr uint32_t kLogUsable = kLogMax - 2;

  template <typename Word>
  bool log(Word& place, uint64_t old, uint64_t size_bit) {
    if (logged_ >= kLogUsable) [[unlikely]]
      return overflow();
    append(offset_of(&place) | size_bit, old);
    return true;
  }
  void append(uint64_t place, uint64_t old) {
    if (BT_PLANT(count_before_entry)) slot_.log_count = logged_ + 1;
    slot_.log[logged_] = {place, old};
    publish(1);
  }
  // Entries behind the last become the log's, before anything they name is changed.
  void publish(uint32_t entries) {
    keep_order();
    __atomic_store_n(&slot_.log_count, logged_ += entries, __ATOMIC_RELAXED);
    keep_order();
  }
  uint64_t offset_of(const void* place) const {
    return static_cast<uint64_t>(static_cast<const char*>(place) - base_);
  }
  Result<void> open();
  Result<void> lock_again(LockRecord& lock);
  void check_rank(shm::LockRank rank);
  bool overflow();
  void stamp_request();
  void release_all();

  Thread& thread_;
  SlotRecord& slot_;
  char* base_;
  uint32_t held_ = 0;  // entries of locks_, those below held_base being the thread's
  uint32_t logged_ = 0;
  bool open_ = false;
  bool overflowed_ = false;
  bool bump_dirtree_ = false;
  shm::LockRank highest_{};
  LockRecord* locks_[kHeldMax];
};

inline Result<void> Transaction::open() {
  if (slot_.in_transaction) [[unlikely]]
    return error::signal_in_section;
  if (thread_.volume->is_frozen()) [[unlikely]]
    return error::volume_frozen;
  if (base::is_poisoned()) [[unlikely]]
    return error::session_poisoned;
  __atomic_store_n(&slot_.in_transaction, 1,
                   __ATOMIC_RELAXED);  // → close_gate, after the CAS of the first lock
  held_ = thread_.held_base;
  open_ = true;
  return {};
}

inline Result<void> Transaction::lock(LockRecord& lock, shm::LockRank rank) {
  if (!open_) BT_TRY(open());
  if (shm::owner_of(shm::load_tag(lock)) == thread_.tag) [[unlikely]]
    return lock_again(lock);
  if (held_ == kHeldMax) [[unlikely]] {
    BT_ASSERT(held_ < kHeldMax);
    return error::session_poisoned;
  }
  check_rank(rank);
  // held[held_], spelt so that gcc makes no instruction more of it than of a plain store.
  auto* moved = reinterpret_cast<SlotRecord*>(reinterpret_cast<ShmOffset*>(&slot_) + held_);
  base::store_relaxed(moved->held[0], thread_.volume->offset_of(&lock));  // → says_it_holds
  keep_order();
  if (!BT_PLANT(lock_recorded_late))
    __atomic_store_n(&slot_.held_count, held_ + 1, __ATOMIC_RELAXED);
  keep_order();
  if (!shm::try_acquire(lock, thread_.tag)) [[unlikely]]
    BT_TRY(acquire_contended(thread_, lock));
  if (held_ == thread_.held_base && is_gate_closed(thread_)) [[unlikely]]
    BT_TRY(pass_gate(thread_, lock));
  locks_[held_++] = &lock;
  shm::begin_change(lock);
  if (BT_PLANT(lock_recorded_late)) slot_.held_count = held_;
  return {};
}

inline void Transaction::check_rank([[maybe_unused]] shm::LockRank rank) {
#ifdef BT_DEBUG
  BT_ASSERT(rank >= highest_ && (!thread_.held_base || rank > shm::LockRank::kDescription));
  highest_ = rank;
#endif
}

inline void Transaction::release_all() {
  for (uint32_t n = held_; n > thread_.held_base;) {
    LockRecord& lock = *locks_[--n];
    shm::end_change(lock);
    shm::release(lock);
  }
  __atomic_store_n(&slot_.held_count, thread_.held_base, __ATOMIC_RELAXED);
  keep_order();
  __atomic_store_n(&slot_.in_transaction, 0, __ATOMIC_RELEASE);
  open_ = false;
}

inline void Transaction::commit() {
  if (!open_) return;
  if (overflowed_) [[unlikely]]
    return roll_back();
  if (thread_.request && logged_) [[unlikely]]
    stamp_request();
  if (BT_PLANT(unlock_before_commit)) release_all();
  __atomic_store_n(&slot_.log_count, 0, __ATOMIC_RELEASE);
  if (logged_) count(metrics::Event::k_transactions);
  logged_ = 0;
  if (BT_PLANT(unlock_before_commit)) return;
  if (bump_dirtree_)
    __atomic_add_fetch(&thread_.volume->superblock().dirtree_seq, 1, __ATOMIC_RELEASE);
  release_all();
}

}  // namespace bt::engine
