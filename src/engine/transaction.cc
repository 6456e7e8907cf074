// SPDX-License-Identifier: MIT
#include "engine/transaction.h"

#include "engine/recovery.h"

namespace bt::engine {

// The tag is this thread's: held by this transaction; or by an OffsetLock or a transaction of the host of a signal handler,
// which would wait for itself for ever.
Result<void> Transaction::lock_again(LockRecord& lock) {
  for (uint32_t n = thread_.held_base; n < held_; n++)
    if (locks_[n] == &lock) return {};
  return error::signal_in_section;
}

bool Transaction::overflow() {
  BT_ASSERT(logged_ < kLogUsable);
  overflowed_ = true;
  return false;
}

void Transaction::stamp_request() {
  append(static_cast<uint64_t>(reinterpret_cast<char*>(&slot_.stamp) - base_), slot_.stamp);
  __atomic_store_n(&slot_.stamp, thread_.request, __ATOMIC_RELAXED);
}

void Transaction::roll_back() {
  if (!open_) return;
  // Damage in our own log freezes the volume; the locks are released all the same, so that nobody hangs.
  (void)undo_log(*thread_.volume, slot_, logged_).has_value();
  __atomic_store_n(&slot_.log_count, 0, __ATOMIC_RELEASE);
  if (logged_) count(metrics::Event::k_rollbacks);
  logged_ = 0;
  overflowed_ = false;
  bump_dirtree_ = false;
  release_all();
}

}  // namespace bt::engine
