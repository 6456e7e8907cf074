// SPDX-License-Identifier: MIT
#include "engine/reclaim.h"

#include "engine/cached.h"
#include "engine/housekeeping.h"
#include "engine/origin_index.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "engine/xattr_store.h"

namespace bt::engine {
namespace {

bool is_unused(const InodeRecord& inode) {
  return inode.nlink == 0 && inode.opens == 0 && load_relaxed(inode.kernel_lookups) == 0;
}

// Attributes and locks are few enough to go with the last pages. Precondition: no data pages left.
Result<void> free_inode(Transaction& txn, Thread& thread, InodeRecord& inode, InodeIndex index) {
  BT_TRY(give_xattr_pages(txn, thread, inode.xattrs));
  txn.store(inode.xattrs, PageIndex::kNone);
  txn.store(inode.mode, 0u);
  give_inode(txn, thread, index);
  return {};
}

Result<void> put_on_orphan_list(Transaction& txn, Thread& thread, InodeRecord& inode,
                                InodeIndex index) {
  Superblock& superblock = thread.volume->superblock();
  BT_TRY(txn.lock(superblock.orphan_lock, shm::LockRank::kAllocator));
  txn.store(inode.flags, inode.flags | kInodeOrphan);
  txn.store(inode.orphan_next, superblock.orphans);
  txn.store(superblock.orphans, index);
  txn.store(superblock.orphan_count, superblock.orphan_count + 1);
  return {};
}

// Precondition: the orphan lock. EIO: it is not there.
Result<void> take_off_orphan_list(Transaction& txn, Volume& volume, InodeRecord& inode,
                                  InodeIndex index) {
  Superblock& superblock = volume.superblock();
  InodeIndex* link = &superblock.orphans;
  for (uint64_t steps = superblock.orphan_count; *link != index; steps--) {
    InodeRecord* other = volume.inode(*link);
    if (!other || steps == 0) [[unlikely]]
      return BT_DAMAGED(volume);
    link = &other->orphan_next;
  }
  txn.store(*link, inode.orphan_next);
  txn.store(superblock.orphan_count, superblock.orphan_count - 1);
  return {};
}

// An inode that frees in one go: the log holds kPagesFreedAtOnce pages, be they of data, attributes or the radix (one, at
// this height).
bool is_small(const InodeRecord& inode) {
  uint64_t others = (inode.xattrs != PageIndex::kNone ? kXattrPagesMax : 0) + inode.height;
  return inode.height <= 1 && inode.page_count + others <= kPagesFreedAtOnce;
}

}  // namespace

Result<bool> reclaim_if_unused(Transaction& txn, Thread& thread, InodeRecord& inode,
                               InodeIndex index) {
  if (inode.nlink == 0 && (inode.flags & kInodeDirty)) [[unlikely]]
    BT_TRY(forget_dirty(txn, thread, inode, index));
  if (inode.nlink == 0 && is_in_origin_index(inode)) [[unlikely]] {
    BT_TRY(leave_origin_index(txn, *thread.volume, inode, index));
    // Nobody will ask the origin again how many names it has.
    if (inode.source_nlink) txn.store(inode.source_nlink, inode.source_nlink - 1);
  }
  if (!is_unused(inode)) return false;
  txn.store(inode.generation, inode.generation + 1);
  bool with_pages = inode.root != PageIndex::kNone;
  if (with_pages && !is_small(inode)) {
    BT_TRY(put_on_orphan_list(txn, thread, inode, index));
    return true;
  }
  if (with_pages && !is_directory(inode.mode) &&
      !free_pages_from(txn, thread, inode, 0, kPagesFreedAtOnce))
    return BT_DAMAGED(*thread.volume);
  BT_TRY(free_inode(txn, thread, inode, index));
  return false;
}

namespace {

// Frees some pages of an orphan, and with the last ones the inode. True: it is on the list no more.
Result<bool> shrink_orphan(Thread& thread, InodeRecord& inode, InodeIndex index) {
  Transaction txn(thread);
  BT_TRY(txn.lock(inode.lock, shm::LockRank::kInode));
  if (!(load_relaxed(inode.flags) & kInodeOrphan)) return true;  // Another sweep was faster.
  if (inode.root != PageIndex::kNone) {
    // The inode itself goes in a transaction of its own, so that the log need not hold both.
    (void)free_pages_from(txn, thread, inode, 0, kPagesFreedAtOnce);
    txn.commit();
    return false;
  }
  BT_TRY(txn.lock(thread.volume->superblock().orphan_lock, shm::LockRank::kAllocator));
  BT_TRY(take_off_orphan_list(txn, *thread.volume, inode, index));
  txn.store(inode.flags, inode.flags & ~kInodeOrphan);
  BT_TRY(free_inode(txn, thread, inode, index));
  txn.commit();
  return true;
}

}  // namespace

Result<bool> sweep_orphans(Thread& thread, uint32_t transactions) {
  Housekeeping housekeeping(thread);
  Volume& volume = *thread.volume;
  for (;;) {
    InodeIndex index = load_relaxed(volume.superblock().orphans);
    if (index == InodeIndex::kNone) return true;
    InodeRecord* inode = volume.inode(index);
    if (!inode) [[unlikely]]
      return BT_DAMAGED(volume);
    for (bool gone = false; !gone;) {
      if (transactions-- == 0) return false;
      BT_TRY_ASSIGN(gone, shrink_orphan(thread, *inode, index));
      settle(thread);
    }
  }
}

namespace {

// Without name and user, and on nobody's list: only the kernel may still know it.
bool is_left_over(const InodeRecord& inode) {
  return load_relaxed(inode.mode) != 0 && load_relaxed(inode.nlink) == 0 &&
         load_relaxed(inode.opens) == 0 && !(load_relaxed(inode.flags) & kInodeOrphan);
}

// Records beyond were never handed out.
uint32_t inodes_used(const Volume& volume) {
  return static_cast<uint32_t>(base::min<uint64_t>(
      load_relaxed(volume.superblock().free_inodes.fresh), volume.geometry().inodes.count));
}

// True: it is gone. False: somebody has taken it up, or freed it, since it was looked at.
Result<bool> free_leftover(Thread& thread, InodeRecord& inode, InodeNumber number) {
  Transaction txn(thread);
  shm::LockRank rank =
      is_directory(load_relaxed(inode.mode)) ? shm::LockRank::kDirectory : shm::LockRank::kInode;
  BT_TRY(txn.lock(inode.lock, rank));
  if (inode.generation != number.generation() || !is_left_over(inode)) return false;
  __atomic_store_n(&inode.kernel_lookups, 0, __ATOMIC_RELAXED);
  BT_TRY_ASSIGN(bool orphan, reclaim_if_unused(txn, thread, inode, number.index()));
  txn.commit();
  if (orphan) BT_TRY(sweep_orphans(thread, kSweepAll));
  settle(thread);
  return true;
}

}  // namespace

Result<uint32_t> free_leftovers(Thread& thread, IsKnown is_known, void* argument) {
  Housekeeping housekeeping(thread);
  Volume& volume = *thread.volume;
  uint32_t freed = 0;
  uint32_t used = inodes_used(volume);
  for (uint32_t i = 1; i < used; i++) {
    InodeRecord* inode = volume.inode(InodeIndex{i});
    if (!inode || !is_left_over(*inode)) continue;
    InodeNumber number = InodeNumber::of(InodeIndex{i}, load_relaxed(inode->generation));
    if (load_relaxed(inode->kernel_lookups) && (!is_known || is_known(argument, number))) continue;
    BT_TRY_ASSIGN(bool gone, free_leftover(thread, *inode, number));
    freed += gone;
  }
  return freed;
}

uint32_t find_known_leftovers(const Volume& volume, uint32_t& next, uint32_t looks,
                              InodeNumber* found, uint32_t most) {
  uint32_t count = 0;
  const uint32_t used = inodes_used(volume);
  for (; next < used && looks && count < most; next++, looks--) {
    const InodeRecord* inode = volume.inode(InodeIndex{next});
    if (!inode || !is_left_over(*inode) || load_relaxed(inode->kernel_lookups) == 0) continue;
    found[count++] = InodeNumber::of(InodeIndex{next}, load_relaxed(inode->generation));
  }
  if (next >= used) next = 0;
  return count;
}

}  // namespace bt::engine
