// SPDX-License-Identifier: MIT
#include "engine/covers.h"

#include "engine/inode_lock.h"

namespace bt::engine {

Result<void> mark_covered(Context& context, InodeNumber inode, bool covered) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  uint32_t flags = covered ? record->flags | kInodeCovered : record->flags & ~kInodeCovered;
  if (flags != record->flags) txn.store(record->flags, flags);
  txn.commit();
  return {};
}

void publish_covers(Volume& volume, bool any) {
  Superblock& superblock = volume.superblock();
  if (any)
    __atomic_or_fetch(&superblock.dirtree_seq, kTreeCovered, __ATOMIC_RELEASE);
  else
    __atomic_and_fetch(&superblock.dirtree_seq, ~kTreeCovered, __ATOMIC_RELEASE);
  __atomic_add_fetch(&superblock.dirtree_seq, 1, __ATOMIC_RELEASE);
}

}  // namespace bt::engine
