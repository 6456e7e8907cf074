// SPDX-License-Identifier: MIT
// The times and the change count of an inode that is being changed. They grow with every change, however coarse the clock:
// who compares them before and after never takes two states for one.
#pragma once

#include "engine/clock.h"
#include "engine/transaction.h"

namespace bt::engine {

// Precondition of both: the inode's lock is held. now: clock_now_ns.
// Attributes changed: ctime and change.
inline int64_t mark_changed(Transaction& txn, InodeRecord& inode, int64_t now) {
  int64_t time = now > inode.ctime_ns ? now : inode.ctime_ns + 1;
  txn.store(inode.ctime_ns, time);
  txn.store(inode.change, inode.change + 1);
  return time;
}
// Contents changed, also a directory's: mtime too.
inline void mark_modified(Transaction& txn, InodeRecord& inode, int64_t now) {
  txn.store(inode.mtime_ns, mark_changed(txn, inode, now));
}

}  // namespace bt::engine
