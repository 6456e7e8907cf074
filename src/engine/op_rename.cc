// SPDX-License-Identifier: MIT
// rename, with NOREPLACE and EXCHANGE.
//
// Locks: the rename lock if the directories differ or two directories change places, the two directories (the ancestor
// first, else by index), then, if they are directories, source and target, the two stripes, the files. Who holds the rename
// lock is the only one to lock directories that are not each other's ancestors, which is why no circle can close (Linux
// 6.8, Documentation/filesystems/directory-locking). The shape of the tree is still while that lock is held.
#include <initializer_list>

#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

// One end of the rename: a name in a directory, and what it stands for.
struct Side {
  Side(InodeNumber in, Text named)
      : directory(in), name(named), hash(hash_name(in.index(), named)) {}

  InodeNumber directory;
  Text name;
  uint32_t hash;
  InodeRecord* record = nullptr;  // the directory, locked
  AccessView view{};              // of the directory
  Entry entry;
  InodeRecord* child = nullptr;
  EntryPlace place;

  bool is_there() const { return bool(entry.child); }
  bool names_directory() const { return child && is_directory(load_relaxed(child->mode)); }
  uint32_t type() const { return child->mode & kModeType; }
};

struct Rename {
  Context& context;
  uint32_t flags;
  bool with_rename_lock;
  Side source, target;

  bool crosses() const { return source.directory != target.directory; }
  bool exchanges() const { return flags & kRenameExchange; }
};

// Precondition: the rename lock. Whether `ancestor` lies on the way from `inode` to the root, or is it.
Result<bool> is_within(const Volume& volume, InodeNumber inode, InodeNumber ancestor) {
  for (uint64_t steps = 0; inode != ancestor; steps++) {
    const InodeRecord* record = volume.inode(inode.index());
    if (!record || steps > volume.geometry().inodes.count) [[unlikely]]
      return BT_DAMAGED(volume);
    // Only a removed directory has a parent that is gone; it is found dead once it is locked. So is what is none.
    if (inode == kRootInode || load_relaxed(record->generation) != inode.generation() ||
        !is_directory(load_relaxed(record->mode)))
      return false;
    inode.value = load_relaxed(record->directory.parent.value);
  }
  return true;
}

Result<void> lock_side(Transaction& txn, Context& context, Side& side) {
  BT_TRY_ASSIGN(side.record, lock_directory(txn, context, side.directory));
  side.view = access_view(side.directory.index(), *side.record);
  return {};
}

Result<void> lock_directories(Transaction& txn, Rename& rename) {
  Volume& volume = rename.context.volume();
  Side *first = &rename.source, *second = &rename.target;
  if (rename.with_rename_lock)
    BT_TRY(txn.lock(volume.superblock().rename_lock, shm::LockRank::kRename));
  if (rename.crosses()) {
    BT_TRY_ASSIGN(bool down, is_within(volume, second->directory, first->directory));
    BT_TRY_ASSIGN(bool up, is_within(volume, first->directory, second->directory));
    bool swapped = up || (!down && raw(second->directory.index()) < raw(first->directory.index()));
    if (swapped) first = &rename.target, second = &rename.source;
  }
  BT_TRY(lock_side(txn, rename.context, *first));
  BT_TRY(lock_side(txn, rename.context, *second));
  BT_TRY(check_permission(rename.context, rename.source.view, kMayExec, true));
  return check_permission(rename.context, rename.target.view, kMayExec, true);
}

// EAGAIN: its stripe is busy. The entry stays what it is, for the directory is locked.
Result<void> find_side(Volume& volume, Side& side) {
  BT_TRY(try_find_entry(volume, side.directory.index(), side.name, side.hash, side.entry));
  if (!side.entry.child) return {};
  side.child = volume.inode(side.entry.child.index());
  if (!side.child || load_relaxed(side.child->generation) != side.entry.child.generation())
      [[unlikely]]
    return BT_DAMAGED(volume);
  return {};
}

// What can be said before the children are locked: existence, and no directory into itself.
Result<void> check_names(Rename& rename) {
  const Volume& volume = rename.context.volume();
  Side &source = rename.source, &target = rename.target;
  if (!source.is_there()) return Error(ENOENT);
  if ((rename.flags & kRenameNoReplace) && target.is_there()) return Error(EEXIST);
  if (rename.exchanges() && !target.is_there()) return Error(ENOENT);
  if (!rename.crosses()) return {};
  if (source.names_directory()) {
    BT_TRY_ASSIGN(bool into_itself, is_within(volume, target.directory, source.entry.child));
    if (into_itself) return Error(EINVAL);
  }
  if (target.names_directory()) {
    BT_TRY_ASSIGN(bool over_ancestor, is_within(volume, source.directory, target.entry.child));
    if (over_ancestor) return Error(rename.exchanges() ? EINVAL : ENOTEMPTY);
  }
  return {};
}

// Source and target in the order of their indexes, those that are (not) directories.
Result<void> lock_children(Transaction& txn, Rename& rename, bool directories) {
  Side *first = &rename.source, *second = &rename.target;
  if (second->child && raw(second->entry.child.index()) < raw(first->entry.child.index()))
    first = &rename.target, second = &rename.source;
  for (Side* side : {first, second}) {
    if (!side->child || side->names_directory() != directories) continue;
    BT_TRY(txn.lock(side->child->lock,
                    directories ? shm::LockRank::kDirectory : shm::LockRank::kInode));
  }
  return {};
}

Result<void> lock_stripes(Transaction& txn, Rename& rename) {
  Volume& volume = rename.context.volume();
  LockRecord* first = &volume.stripe(rename.source.hash).lock;
  LockRecord* second = &volume.stripe(rename.target.hash).lock;
  if (second < first) {
    LockRecord* swapped = first;
    first = second;
    second = swapped;
  }
  BT_TRY(txn.lock(*first, shm::LockRank::kStripe));
  return txn.lock(*second, shm::LockRank::kStripe);
}

// may_delete: the right to take the name away.
Result<void> check_removal(Context& context, const Side& side) {
  BT_TRY(check_permission(context, side.view, kMayWrite | kMayExec, true));
  return check_sticky(context.credentials, *side.record, side.child->uid);
}

// A directory that gets another parent has its `..` written.
Result<void> check_new_parent(Context& context, const Side& side) {
  if (!side.names_directory()) return {};
  return check_permission(context, access_view(side.entry.child.index(), *side.child), kMayWrite,
                          true);
}

Result<void> check_link_limit(const Rename& rename) {
  bool from_directory = rename.source.names_directory(),
       to_directory = rename.target.names_directory();
  if (!rename.crosses() || from_directory == to_directory) return {};
  if (from_directory && rename.target.record->nlink >= kLinkMax) return Error(EMLINK);
  if (rename.exchanges() && to_directory && rename.source.record->nlink >= kLinkMax)
    return Error(EMLINK);
  return {};
}

// vfs_rename's checks in its order.
Result<void> check_rights(Rename& rename) {
  Context& context = rename.context;
  Side &source = rename.source, &target = rename.target;
  BT_TRY(check_removal(context, source));
  if (!target.is_there()) {
    if (is_removed(*target.record)) return Error(ENOENT);
    BT_TRY(check_permission(context, target.view, kMayWrite | kMayExec, true));
  } else {
    BT_TRY(check_removal(context, target));
    bool from_directory = source.names_directory(), to_directory = target.names_directory();
    if (!rename.exchanges() && from_directory != to_directory)
      return Error(from_directory ? ENOTDIR : EISDIR);
  }
  if (rename.crosses()) {
    BT_TRY(check_new_parent(context, source));
    if (rename.exchanges()) BT_TRY(check_new_parent(context, target));
  }
  BT_TRY(check_link_limit(rename));
  bool replaces_directory = !rename.exchanges() && target.names_directory();
  if (replaces_directory && target.child->directory.entry_count != 0) return Error(ENOTEMPTY);
  return {};
}

Result<void> find_places(Rename& rename) {
  const Volume& volume = rename.context.volume();
  for (Side* side : {&rename.source, &rename.target}) {
    BT_TRY(find_place(volume, side->directory.index(), side->name, side->hash, side->place));
    bool there = side->place.dentry != nullptr;
    if (there != side->is_there() || (there && side->place.child() != side->entry.child))
        [[unlikely]]
      return BT_DAMAGED(volume);
  }
  return {};
}

// nlink of the two directories and `..` of what moves between them.
void move_parents(Transaction& txn, Rename& rename) {
  Side &source = rename.source, &target = rename.target;
  auto add_links = [&](Side& side, int32_t more) {
    if (more) txn.store(side.record->nlink, side.record->nlink + static_cast<uint32_t>(more));
  };
  int32_t leaving = source.names_directory(), arriving = target.names_directory();
  if (rename.exchanges()) {
    if (!rename.crosses()) return;
    add_links(source, arriving - leaving);
    add_links(target, leaving - arriving);
    if (arriving) txn.store(target.child->directory.parent, source.directory);
  } else {
    // Both steps may fall on one directory: one after the other.
    add_links(source, -leaving);
    add_links(target, leaving - arriving);
  }
  if (leaving && rename.crosses()) txn.store(source.child->directory.parent, target.directory);
}

Result<bool> drop_target(Transaction& txn, Rename& rename, int64_t now) {
  Side& target = rename.target;
  bool directory = target.names_directory();
  if (target.child->nlink == 0) [[unlikely]]
    return BT_DAMAGED(rename.context.volume());
  txn.store(target.child->nlink, directory ? 0 : target.child->nlink - 1);
  mark_changed(txn, *target.child, now);
  return reclaim_if_unused(txn, rename.context.thread, *target.child, target.entry.child.index());
}

Result<bool> apply(Transaction& txn, Rename& rename) {
  Thread& thread = rename.context.thread;
  Side &source = rename.source, &target = rename.target;
  int64_t now = clock_now_ns(thread);
  bool moves_paths = source.names_directory() || target.names_directory() ||
                     source.type() == kModeLink || (target.child && target.type() == kModeLink);
  if (moves_paths) txn.bump_dirtree();
  move_parents(txn, rename);
  mark_modified(txn, *source.record, now);
  if (rename.crosses()) mark_modified(txn, *target.record, now);
  mark_changed(txn, *source.child, now);
  if (rename.exchanges()) {
    mark_changed(txn, *target.child, now);
    replace_child(txn, source.place, target.entry.child, entry_type(target.child->mode));
    replace_child(txn, target.place, source.entry.child, entry_type(source.child->mode));
    return false;
  }
  if (target.is_there()) {
    replace_child(txn, target.place, source.entry.child, entry_type(source.child->mode));
    BT_TRY(remove_entry(txn, thread, *source.record, source.place));
    return drop_target(txn, rename, now);
  }
  // The new entry first: it must not be made of the old one's record, which a rollback needs as it is. It may push the old
  // one from the head of their chain.
  BT_TRY(insert_entry(txn, thread, *target.record, target.directory.index(), target.name,
                      target.hash, source.entry.child, entry_type(source.child->mode)));
  BT_TRY(
      find_place(*thread.volume, source.directory.index(), source.name, source.hash, source.place));
  BT_TRY(remove_entry(txn, thread, *source.record, source.place));
  return false;
}

enum class Outcome : uint32_t { kDone, kDoneSweep, kNothing, kNeedsRenameLock };

Result<Outcome> rename_in(Transaction& txn, Rename& rename) {
  Volume& volume = rename.context.volume();
  BT_TRY(lock_directories(txn, rename));
  BT_TRY(find_side(volume, rename.source));
  BT_TRY(find_side(volume, rename.target));
  bool two_directories = rename.source.names_directory() && rename.target.names_directory();
  if (two_directories && !rename.with_rename_lock) return Outcome::kNeedsRenameLock;
  BT_TRY(check_names(rename));
  if (rename.source.entry.child == rename.target.entry.child) return Outcome::kNothing;
  BT_TRY(lock_children(txn, rename, true));
  BT_TRY(lock_stripes(txn, rename));
  BT_TRY(lock_children(txn, rename, false));
  BT_TRY(check_rights(rename));
  BT_TRY(find_places(rename));
  BT_TRY_ASSIGN(bool sweep, apply(txn, rename));
  return sweep ? Outcome::kDoneSweep : Outcome::kDone;
}

}  // namespace

Result<void> rename(Context& context, InodeNumber from, Text from_name, InodeNumber to,
                    Text to_name, uint32_t flags) {
  bool known = !(flags & ~(kRenameNoReplace | kRenameExchange));
  if (!known || flags == (kRenameNoReplace | kRenameExchange)) return Error(EINVAL);
  if (context.volume().is_read_only()) return Error(EROFS);
  if (from_name.size > kNameMax || to_name.size > kNameMax) return Error(ENAMETOOLONG);
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->rename(context, from, from_name, to, to_name, flags);
  Needs needs;
  needs.dentries = dentries_for(to_name.size);
  bool with_rename_lock = from != to;
  for (;;) {
    BT_TRY(prepare(context.thread, needs));
    Rename rename{context, flags, with_rename_lock, {from, from_name}, {to, to_name}};
    Transaction txn(context.thread);
    auto outcome = rename_in(txn, rename);
    if (outcome && *outcome != Outcome::kNeedsRenameLock) {
      if (*outcome == Outcome::kNothing) return {};
      txn.commit();
      if (*outcome == Outcome::kDoneSweep) BT_TRY(sweep_orphans(context.thread, kSweepAll));
      settle(context.thread);
      return {};
    }
    txn.roll_back();
    if (outcome) {
      with_rename_lock = true;
      continue;
    }
    if (outcome.error() != Error(EAGAIN)) return outcome.error();
    BT_TRY(wait_for_stripe(context.thread, rename.source.hash));
    BT_TRY(wait_for_stripe(context.thread, rename.target.hash));
  }
}

}  // namespace bt::engine
