// SPDX-License-Identifier: MIT
// The kernel's memory of an inode, its open files and its pages of them, counted and marked by the daemon. The counts are no
// part of any transaction (a rollback would lose what the kernel was told), but they are changed under the inode's lock, so
// that reclaiming sees them or they see the reclaim.
#include "engine/inode_lock.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

constexpr uint32_t kKernelPageMarks = kInodeKernelPages | kInodeKernelStores;

bool is_file(const InodeRecord& inode) { return (inode.mode & kModeType) == kModeRegular; }

}  // namespace

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

Result<void> add_kernel_open(Context& context, InodeNumber inode) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  if (is_lost_file(context.volume(), *record)) return Error(ESTALE);
  if (is_file(*record)) __atomic_add_fetch(&record->cached.kernel_opens, 1, __ATOMIC_RELAXED);
  txn.commit();
  return {};
}

Result<void> drop_kernel_open(Context& context, InodeNumber inode) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  if (!is_file(*record)) return {};
  uint32_t opens = load_relaxed(record->cached.kernel_opens);
  if (opens) __atomic_store_n(&record->cached.kernel_opens, opens - 1, __ATOMIC_RELAXED);
  if (opens <= 1 && (record->flags & kKernelPageMarks))
    txn.store(record->flags, record->flags & ~kKernelPageMarks);
  txn.commit();
  return {};
}

Result<void> note_kernel_pages(Context& context, InodeNumber inode, bool stored_into) {
  BT_TRY_ASSIGN(InodeRecord * seen, inode_record(context.volume(), inode));
  uint32_t marks = stored_into ? kKernelPageMarks : kInodeKernelPages;
  if ((load_relaxed(seen->flags) & marks) == marks) return {};
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  if (is_file(*record)) txn.store(record->flags, record->flags | marks);
  txn.commit();
  return {};
}

}  // namespace bt::engine
