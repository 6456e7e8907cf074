// SPDX-License-Identifier: MIT
#include "engine/descriptor_table.h"

#include "engine/file_locks.h"
#include "engine/permissions.h"
#include "engine/reclaim.h"

namespace bt::engine {

Result<uint32_t*> make_entry_place(Transaction& txn, Thread& thread, SessionRecord& session,
                                   int32_t fd) {
  if (!is_descriptor(fd)) return Error(EMFILE);
  const Volume& volume = *thread.volume;
  PageIndex& slot = session.descriptors[fd / kDescriptorsPerPage];
  if (slot == PageIndex::kNone) {
    PageIndex page = take_page(txn, thread, InodeIndex::kNone, 0, kPageDescriptors);
    char* bytes = volume.page(page);
    if (!bytes) return error::volume_corrupt;
    __builtin_memset(bytes, 0, kPageSizeBytes);  // nobody sees the page yet
    txn.store(slot, page);
  }
  uint32_t* place = find_entry_place(volume, session, fd);
  if (!place) return BT_DAMAGED(volume);
  return place;
}

bool must_release_locks(const Volume& volume, const DescriptionRecord& record,
                        DescriptionIndex description) {
  if (record.references != 1) return false;
  const InodeRecord* inode = volume.inode(record.inode.index());
  if (!inode || load_relaxed(inode->file_locks) == FileLockIndex::kNone) [[likely]]
    return false;
  uint64_t steps = volume.geometry().file_locks.count;
  for (FileLockIndex i = load_relaxed(inode->file_locks);
       i != FileLockIndex::kNone && steps-- > 0;) {
    const FileLockRecord* lock = volume.file_lock(i);
    if (!lock) return false;
    uint32_t kind = load_relaxed(lock->kind);
    if ((kind == kFileLockDescription || kind == kFileLockFlock) &&
        load_relaxed(lock->owner) == raw(description))
      return true;
    i = load_relaxed(lock->next);
  }
  return false;
}

Result<void> release_description_locks(Context& context, DescriptionIndex description) {
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(context.volume(), description));
  BT_TRY(release_file_locks(context, record->inode, kFileLockDescription, raw(description)));
  return release_file_locks(context, record->inode, kFileLockFlock, raw(description));
}

Result<bool> drop_open(Transaction& txn, Thread& thread, InodeNumber number) {
  Volume& volume = *thread.volume;
  InodeRecord* inode = volume.inode(number.index());
  if (!inode) [[unlikely]]
    return BT_DAMAGED(volume);
  bool directory = is_directory(load_relaxed(inode->mode));
  BT_TRY(txn.lock(inode->lock, directory ? shm::LockRank::kDirectory : shm::LockRank::kInode));
  if (inode->generation != number.generation() || inode->opens == 0) [[unlikely]]
    return BT_DAMAGED(volume);
  txn.store(inode->opens, inode->opens - 1);
  return reclaim_if_unused(txn, thread, *inode, number.index());
}

Result<bool> drop_reference_locked(Transaction& txn, Thread& thread, DescriptionRecord& record,
                                   DescriptionIndex index) {
  if (record.references == 0) [[unlikely]]
    return BT_DAMAGED(*thread.volume);
  txn.store(record.references, record.references - 1);
  if (record.references > 0) return false;
  txn.store(record.in_use, 0u);
  BT_TRY_ASSIGN(bool orphan, drop_open(txn, thread, record.inode));
  give_description(txn, thread, index);
  return orphan;
}

}  // namespace bt::engine
