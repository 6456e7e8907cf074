// SPDX-License-Identifier: MIT
// The kernel's memory of an inode, counted by the daemon. The count is no part of any transaction (a rollback would lose
// what the kernel was told), but it is changed under the inode's lock, so that reclaiming sees it or it sees the reclaim.
#include "engine/inode_lock.h"
#include "engine/operations.h"
#include "engine/reclaim.h"

namespace bt::engine {

Result<void> add_kernel_lookup(Context& context, InodeNumber inode) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  __atomic_fetch_add(&record->kernel_lookups, 1, __ATOMIC_RELAXED);
  txn.commit();
  return {};
}

Result<void> forget_kernel_lookups(Context& context, InodeNumber inode, uint64_t count) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  uint64_t before = load_relaxed(record->kernel_lookups);
  __atomic_store_n(&record->kernel_lookups, before - base::min(before, count), __ATOMIC_RELAXED);
  // Killed before the commit, the inode is unused but not freed: free_leftovers finds it.
  BT_TRY_ASSIGN(bool sweep, reclaim_if_unused(txn, context.thread, *record, inode.index()));
  txn.commit();
  if (sweep) BT_TRY(sweep_orphans(context.thread, kSweepAll));
  settle(context.thread);
  return {};
}

}  // namespace bt::engine
