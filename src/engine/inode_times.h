// SPDX-License-Identifier: MIT
// The times and the change count of an inode that is being changed. They grow with every change, however coarse the clock:
// who compares them before and after never takes two states for one.
#pragma once

#include "engine/clock.h"
#include "engine/transaction.h"

namespace bt::engine {

inline int64_t growing_time(const InodeRecord& inode, int64_t now) {
  return now > inode.ctime_ns ? now : inode.ctime_ns + 1;
}

// Precondition of both: the inode's lock is held. now: clock_now_ns.
// Attributes changed: ctime and change.
inline void mark_changed(Transaction& txn, InodeRecord& inode, int64_t now) {
  if (!txn.log_each(inode.ctime_ns, inode.change)) [[unlikely]]
    return;
  __atomic_store_n(&inode.ctime_ns, growing_time(inode, now), __ATOMIC_RELAXED);
  __atomic_store_n(&inode.change, inode.change + 1, __ATOMIC_RELAXED);
}
// Contents changed, also a directory's: mtime too.
inline void mark_modified(Transaction& txn, InodeRecord& inode, int64_t now) {
  if (!txn.log_each(inode.ctime_ns, inode.mtime_ns, inode.change)) [[unlikely]]
    return;
  int64_t time = growing_time(inode, now);
  __atomic_store_n(&inode.ctime_ns, time, __ATOMIC_RELAXED);
  __atomic_store_n(&inode.mtime_ns, time, __ATOMIC_RELAXED);
  __atomic_store_n(&inode.change, inode.change + 1, __ATOMIC_RELAXED);
}

}  // namespace bt::engine
