// SPDX-License-Identifier: MIT
// rmdir. Locks: the parent, the directory itself, the name's stripe. The removed directory keeps its `..` as long as somebody
// has it open; it gets no names any more, because who adds one looks at nlink under its lock.
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

struct Victim {
  InodeRecord* record = nullptr;
  InodeNumber number;
};

// The child of the name, locked if it is a directory. EAGAIN: the stripe is busy.
Result<void> lock_victim(Transaction& txn, Context& context, InodeIndex parent, Text name,
                         uint32_t hash, Victim& victim) {
  Volume& volume = context.volume();
  Entry entry;
  BT_TRY(try_find_entry(volume, parent, name, hash, entry));
  if (!entry.child) return Error(ENOENT);
  InodeRecord* record = volume.inode(entry.child.index());
  if (!record || load_relaxed(record->generation) != entry.child.generation()) [[unlikely]]
    return BT_DAMAGED(volume);
  if (is_directory(load_relaxed(record->mode)))
    BT_TRY(txn.lock(record->lock, shm::LockRank::kDirectory));
  victim = {record, entry.child};
  return {};
}

Result<bool> remove_in(Transaction& txn, Context& context, InodeNumber parent, Text name,
                       uint32_t hash) {
  Volume& volume = context.volume();
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, parent));
  AccessView view = access_view(parent.index(), *record);
  BT_TRY(check_permission(context, view, kMayExec, true));
  Victim victim;
  BT_TRY(lock_victim(txn, context, parent.index(), name, hash, victim));
  InodeRecord& directory = *victim.record;
  BT_TRY(check_permission(context, view, kMayWrite | kMayExec, true));
  BT_TRY(check_sticky(context.credentials, *record, load_relaxed(directory.uid)));
  if (!is_directory(load_relaxed(directory.mode))) return Error(ENOTDIR);
  if (directory.directory.entry_count != 0) return Error(ENOTEMPTY);
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  EntryPlace place;
  BT_TRY(find_place(volume, parent.index(), name, hash, place));
  if (!place.dentry || place.child() != victim.number || record->nlink <= 2) [[unlikely]]
    return BT_DAMAGED(volume);
  int64_t now = clock_now_ns(context.thread);
  BT_TRY(remove_entry(txn, context.thread, *record, place));
  txn.store(record->nlink, record->nlink - 1);
  mark_modified(txn, *record, now);
  txn.store(directory.nlink, 0u);
  mark_changed(txn, directory, now);
  txn.bump_dirtree();
  return reclaim_if_unused(txn, context.thread, directory, victim.number.index());
}

}  // namespace

Result<void> remove_directory(Context& context, InodeNumber directory, Text name) {
  if (context.volume().is_read_only()) return Error(EROFS);
  if (name.size > kNameMax) return Error(ENAMETOOLONG);
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->remove(context, directory, name, true);
  uint32_t hash = hash_name(directory.index(), name);
  for (;;) {
    Transaction txn(context.thread);
    auto removed = remove_in(txn, context, directory, name, hash);
    if (removed) {
      txn.commit();
      settle(context.thread);
      return {};
    }
    txn.roll_back();
    if (removed.error() != Error(EAGAIN)) return removed.error();
    BT_TRY(wait_for_stripe(context.thread, hash));
  }
}

}  // namespace bt::engine
