// SPDX-License-Identifier: MIT
// link, also of an O_TMPFILE inode. Locks: the directory, the name's stripe, the file.
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/make_entry.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/read_attributes.h"

namespace bt::engine {
namespace {

Result<InodeRecord*> lock_file(Transaction& txn, Context& context, InodeNumber number) {
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, number));
  if (record->nlink == 0 && !(record->flags & kInodeTmpfile)) return Error(ENOENT);
  if (record->nlink >= kLinkMax) return Error(EMLINK);
  return record;
}

Result<void> link_in(Transaction& txn, Context& context, InodeNumber inode, InodeNumber directory,
                     Text name, Attributes& after) {
  Volume& volume = context.volume();
  uint32_t hash = hash_name(directory.index(), name);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  AccessView view = access_view(directory.index(), *record);
  BT_TRY(check_permission(context, view, kMayExec, true));
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  EntryPlace place;
  BT_TRY(find_place(volume, directory.index(), name, hash, place));
  if (place.dentry) return Error(EEXIST);
  if (volume.is_read_only()) return Error(EROFS);
  if (is_removed(*record)) return Error(ENOENT);
  BT_TRY(check_permission(context, view, kMayWrite | kMayExec, true));
  BT_TRY_ASSIGN(InodeRecord * target, inode_record(volume, inode));
  // A directory's lock would come before the stripe's: its type is all that is needed.
  if (is_directory(load_relaxed(target->mode))) return Error(EPERM);
  BT_TRY_ASSIGN(target, lock_file(txn, context, inode));
  int64_t now = clock_now_ns(context.thread);
  BT_TRY(insert_entry(txn, context.thread, *record, directory.index(), name, hash, inode,
                      entry_type(target->mode)));
  mark_modified(txn, *record, now);
  txn.store(target->nlink, target->nlink + 1);
  if (target->flags & kInodeTmpfile) txn.store(target->flags, target->flags & ~kInodeTmpfile);
  mark_changed(txn, *target, now);
  copy_attributes(*target, inode, after);
  return {};
}

}  // namespace

Result<void> link(Context& context, InodeNumber inode, InodeNumber directory, Text name,
                  Attributes& after) {
  if (name.size > kNameMax) return Error(ENAMETOOLONG);
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->link(context, inode, directory, name, after);
  Needs needs;
  needs.dentries = dentries_for(name.size);
  BT_TRY(prepare(context.thread, needs));
  Transaction txn(context.thread);
  BT_TRY(link_in(txn, context, inode, directory, name, after));
  txn.commit();
  return {};
}

}  // namespace bt::engine
