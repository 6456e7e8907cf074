// SPDX-License-Identifier: MIT
// Taking the lock of the inode that a number names. What comes back is alive: the number's generation is its own and stays
// so until the transaction ends.
#pragma once

#include "engine/permissions.h"

namespace bt::engine {

// Names of a file; subdirectories of a directory and 2.
inline constexpr uint32_t kLinkMax = 1u << 30;

// Either kind. ESTALE, EIO.
inline Result<InodeRecord*> lock_inode(Transaction& txn, Context& context, InodeNumber number) {
  BT_TRY_ASSIGN(InodeRecord * record, inode_record(context.volume(), number));
  // The type of a live inode never changes; of a dead one it does not matter.
  bool directory = is_directory(load_relaxed(record->mode));
  BT_TRY(txn.lock(record->lock, directory ? shm::LockRank::kDirectory : shm::LockRank::kInode));
  if (record->generation != number.generation() || record->mode == 0) [[unlikely]]
    return Error(ESTALE);
  return record;
}

// ENOTDIR too.
inline Result<InodeRecord*> lock_directory(Transaction& txn, Context& context, InodeNumber number) {
  BT_TRY_ASSIGN(InodeRecord * record, inode_record(context.volume(), number));
  BT_TRY(txn.lock(record->lock, shm::LockRank::kDirectory));
  if (record->generation != number.generation() || record->mode == 0) [[unlikely]]
    return Error(ESTALE);
  if (!is_directory(record->mode)) [[unlikely]]
    return Error(ENOTDIR);
  return record;
}

// Whether the directory was removed: it has no names any more and gets none.
inline bool is_removed(const InodeRecord& directory) { return directory.nlink == 0; }

}  // namespace bt::engine
