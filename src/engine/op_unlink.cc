// SPDX-License-Identifier: MIT
// unlink. Locks: the directory, the name's stripe, the file. Log: docs/transactions.md.
#include "base/plant.h"
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

// Precondition: the file's lock. True: sweep after the commit.
Result<bool> drop_name(Transaction& txn, Context& context, InodeRecord& file, InodeIndex index,
                       int64_t now) {
  if (file.nlink == 0) [[unlikely]]
    return BT_DAMAGED(context.volume());
  if (BT_PLANT(unlogged_word))
    file.nlink--;
  else
    txn.store(file.nlink, file.nlink - 1);
  mark_changed(txn, file, now);
  return reclaim_if_unused(txn, context.thread, file, index);
}

Result<bool> unlink_in(Transaction& txn, Context& context, InodeNumber directory, Text name) {
  Volume& volume = context.volume();
  uint32_t hash = hash_name(directory.index(), name);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  AccessView view = access_view(directory.index(), *record);
  BT_TRY(check_permission(context, view, kMayExec, true));
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  EntryPlace place;
  BT_TRY(find_place(volume, directory.index(), name, hash, place));
  if (!place.dentry) return Error(ENOENT);
  InodeNumber child = place.child();
  InodeRecord* file = volume.inode(child.index());
  if (!file || file->generation != child.generation()) [[unlikely]]
    return BT_DAMAGED(volume);
  bool names_directory = is_directory(load_relaxed(file->mode));
  if (!names_directory) BT_TRY(txn.lock(file->lock, shm::LockRank::kInode));
  BT_TRY(check_permission(context, view, kMayWrite | kMayExec, true));
  BT_TRY(check_sticky(context.credentials, *record, load_relaxed(file->uid)));
  if (names_directory) return Error(EISDIR);
  int64_t now = clock_now_ns(context.thread);
  if ((file->mode & kModeType) == kModeLink) txn.bump_dirtree();
  BT_TRY(remove_entry(txn, context.thread, *record, place));
  mark_modified(txn, *record, now);
  return drop_name(txn, context, *file, child.index(), now);
}

}  // namespace

Result<void> unlink(Context& context, InodeNumber directory, Text name) {
  if (context.volume().is_read_only()) return Error(EROFS);
  if (name.size > kNameMax) return Error(ENAMETOOLONG);
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->remove(context, directory, name, false);
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(bool sweep, unlink_in(txn, context, directory, name));
  txn.commit();
  if (sweep) BT_TRY(sweep_orphans(context.thread, kSweepAll));
  settle(context.thread);
  return {};
}

}  // namespace bt::engine
