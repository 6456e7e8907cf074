// SPDX-License-Identifier: MIT
// Names and inodes that are thrown out although the source still has them. A directory's names are here whole or not at all,
// so the directory first says that it has not been listed; then its entries go, one transaction each, as far as nobody uses
// what they stand for. What stays is right, and the next listing completes it.
//
//   steps                              killed after it
//   1 names_epoch 0, dirtree_seq       the directory is listed at its next use
//   2 an entry and its inode go        the same
//
// Who looked for a name that went between 1 and 2 sees that the directory was listed anew, or is to be (op_lookup.cc).
#include "engine/cached.h"
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

// Somebody may hold its place in a listing: cookies are given anew when the names come back.
bool is_listed_from(const InodeRecord& directory) {
  return directory.opens != 0 || load_relaxed(directory.kernel_lookups) != 0;
}

// Whether a name of it may go: it has others here, or nothing is lost that the source does not have, and nobody has a hold of it.
// Precondition: its lock, or a guess.
bool is_evictable(const InodeRecord& inode, uint32_t before_epoch) {
  if (!is_directory(inode.mode) && inode.nlink > 1) return true;
  if (inode.opens != 0 || load_relaxed(inode.kernel_lookups) != 0) return false;
  if (inode.flags & (kInodeDirty | kInodeOrphan)) return false;
  if (is_directory(inode.mode))
    return before_epoch != UINT32_MAX && inode.nlink == 2 && inode.directory.entry_count == 0 &&
           load_relaxed(inode.directory.names_epoch) == 0 && inode.valid_epoch < before_epoch;
  if ((inode.mode & kModeType) == kModeRegular && inode.cached.write_error) return false;
  return true;
}

struct Candidate {
  DentryIndex index = DentryIndex::kNone;
  InodeNumber child;
  uint32_t hash = 0;
  char name[kNameMax + 1];
  uint32_t name_size = 0;
};

// How far a directory has been looked through: the last entry that stays, and the last that was looked at.
struct Progress {
  DentryIndex kept = DentryIndex::kNone;
  uint64_t kept_cookie = 0, cookie = 0;
};

// Where to go on. Precondition: the directory's lock.
DentryIndex first_to_look_at(const Volume& volume, InodeIndex index, const InodeRecord& directory,
                             const Progress& progress) {
  const DentryRecord* kept = volume.dentry(progress.kept);
  bool is_there = kept && load_relaxed(kept->kind) == kDentryName &&
                  load_relaxed(kept->parent) == index && kept->cookie == progress.kept_cookie;
  return is_there ? kept->directory_next : directory.directory.first;
}

// The next entry whose inode looks evictable. Precondition: the directory's lock.
Result<void> find_candidate(const Volume& volume, InodeIndex number, const InodeRecord& directory,
                            Progress& progress, uint32_t before_epoch, Candidate& found) {
  uint64_t limit = volume.geometry().dentries.count;
  found.index = DentryIndex::kNone;
  DentryIndex index = first_to_look_at(volume, number, directory, progress);
  while (index != DentryIndex::kNone) {
    const DentryRecord* dentry = volume.dentry(index);
    if (!dentry || limit-- == 0) return BT_DAMAGED(volume);
    if (dentry->cookie > progress.cookie) {
      progress.cookie = dentry->cookie;
      const InodeRecord* child = volume.inode(load_relaxed(dentry->child));
      if (!child) return BT_DAMAGED(volume);
      if (is_evictable(*child, before_epoch)) {
        found.index = index;
        found.child = InodeNumber::of(dentry->child, dentry->child_generation);
        found.hash = dentry->hash;
        if (!copy_name(volume, *dentry, found.name, found.name_size)) return BT_DAMAGED(volume);
        return {};
      }
      progress.kept = index;
      progress.kept_cookie = dentry->cookie;
    }
    index = dentry->directory_next;
  }
  return {};
}

enum class Evicted { kOne, kOneToSweep, kNotThis, kNoMore };

Result<Evicted> evict_one(Transaction& txn, Context& context, InodeNumber number,
                          Progress& progress, uint32_t before_epoch) {
  Volume& volume = context.volume();
  BT_TRY_ASSIGN(InodeRecord * directory, lock_directory(txn, context, number));
  // Somebody wants its names again.
  if (is_listed_from(*directory) || load_relaxed(directory->directory.names_epoch) != 0)
    return Evicted::kNoMore;
  Candidate found;
  BT_TRY(find_candidate(volume, number.index(), *directory, progress, before_epoch, found));
  if (found.index == DentryIndex::kNone) return Evicted::kNoMore;
  InodeRecord* child = volume.inode(found.child.index());
  if (!child) return BT_DAMAGED(volume);
  bool is_subdirectory = is_directory(load_relaxed(child->mode));
  if (is_subdirectory) BT_TRY(txn.lock(child->lock, shm::LockRank::kDirectory));
  BT_TRY(txn.lock(volume.stripe(found.hash).lock, shm::LockRank::kStripe));
  if (!is_subdirectory) BT_TRY(txn.lock(child->lock, shm::LockRank::kInode));
  if (child->generation != found.child.generation() || !is_evictable(*child, before_epoch))
    return Evicted::kNotThis;
  EntryPlace place;
  BT_TRY(find_place(volume, number.index(), {found.name, found.name_size}, found.hash, place));
  if (!place.dentry || place.child() != found.child) return BT_DAMAGED(volume);
  BT_TRY(remove_entry(txn, context.thread, *directory, place));
  if (is_subdirectory) {
    txn.store(directory->nlink, directory->nlink - 1);
    txn.bump_dirtree();
  }
  txn.store(child->nlink, is_subdirectory ? 0 : child->nlink - 1);
  if (take_ahead_mark(*child)) txn.count(metrics::Event::k_ahead_wasted);
  // Who is listing it meanwhile finds that what he entered is not all here.
  txn.store(directory->change, directory->change + 1);
  BT_TRY_ASSIGN(bool sweep, reclaim_if_unused(txn, context.thread, *child, found.child.index()));
  txn.commit();
  return sweep ? Evicted::kOneToSweep : Evicted::kOne;
}

// True: its entries may go. Without a listing it holds what somebody is entering now, or what could not go the last time: in a
// hurry it is left alone until it was listed again, so that whoever needs a name gets it before it goes once more.
Result<bool> forget_listing(Context& context, InodeNumber number, uint32_t before_epoch) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * directory, lock_directory(txn, context, number));
  if (is_listed_from(*directory) || is_removed(*directory)) return false;
  bool is_listed = load_relaxed(directory->directory.names_epoch) != 0;
  if (!is_listed && before_epoch == UINT32_MAX) return false;
  txn.store(directory->directory.names_epoch, 0u);
  txn.bump_dirtree();
  txn.commit();
  return true;
}

}  // namespace

Result<uint32_t> evict_names(Context& context, InodeNumber directory, uint32_t before_epoch) {
  BT_TRY_ASSIGN(bool may_go, forget_listing(context, directory, before_epoch));
  uint32_t evicted = 0;
  Progress progress;
  while (may_go) {
    Evicted outcome;
    {
      Transaction txn(context.thread);
      BT_TRY_ASSIGN(outcome, evict_one(txn, context, directory, progress, before_epoch));
    }
    if (outcome == Evicted::kNoMore) break;
    if (outcome == Evicted::kNotThis) continue;
    evicted++;
    if (outcome == Evicted::kOneToSweep) BT_TRY(sweep_orphans(context.thread, kSweepAll));
    settle(context.thread);
  }
  return evicted;
}

}  // namespace bt::engine
