// SPDX-License-Identifier: MIT
// Closing and copying descriptors. Locks: session, descriptions by index, the inode whose last description goes.
#include "engine/descriptor_table.h"
#include "engine/file_locks.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

// What a call gives up besides the entry; done after the commit.
Result<void> finish(Thread& thread, bool orphan) {
  if (orphan) BT_TRY(sweep_orphans(thread, kSweepAll));
  settle(thread);
  return {};
}

// close drops the session's POSIX locks on the file, whichever descriptor they were set through.
Result<void> release_posix_locks(Context& context, SessionIndex session, DescriptionIndex index) {
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(context.volume(), index));
  const InodeRecord* inode = context.volume().inode(record->inode.index());
  if (!inode || load_relaxed(inode->file_locks) == FileLockIndex::kNone) [[likely]]
    return {};
  return release_file_locks(context, record->inode, kFileLockPosix,
                            lock_owner_of(context.volume(), session));
}

// EAGAIN: the description has locks to release first.
Result<bool> close_once(Context& context, SessionIndex index, int32_t fd,
                        DescriptionIndex expected) {
  const Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, volume, index));
  uint32_t* place = find_entry_place(volume, *session, fd);
  if (!place || description_of(*place) != expected) [[unlikely]]
    return Error(EBADF);
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(volume, expected));
  BT_TRY(txn.lock(record->lock, shm::LockRank::kDescription));
  if (must_release_locks(volume, *record, expected)) [[unlikely]]
    return Error(EAGAIN);
  store_entry(txn, *session, *place, 0);
  BT_TRY_ASSIGN(bool orphan, drop_reference_locked(txn, context.thread, *record, expected));
  txn.commit();
  return orphan;
}

// Repeats an attempt that found locks on a file to be released, which others may set anew meanwhile, but not for ever.
template <typename Attempt>
Result<bool> with_locks_released(Context& context, DescriptionIndex description, Attempt attempt) {
  for (uint32_t round = 0; round < base::kReadRetriesMax; round++) {
    Result<bool> result = attempt();
    if (result || result.error() != Error(EAGAIN)) [[likely]]
      return result;
    BT_TRY(release_description_locks(context, description));
  }
  return Error(EAGAIN);
}

// Takes the locks of one or two descriptions in the order of their indexes.
Result<void> lock_descriptions(Transaction& txn, DescriptionRecord* a, DescriptionRecord* b) {
  if (b && b < a) {
    DescriptionRecord* first = b;
    b = a;
    a = first;
  }
  BT_TRY(txn.lock(a->lock, shm::LockRank::kDescription));
  if (b && b != a) BT_TRY(txn.lock(b->lock, shm::LockRank::kDescription));
  return {};
}

struct Copy {
  SessionIndex session;
  int32_t from, to;
  bool close_on_exec;
};

Result<bool> copy_once(Context& context, const Copy& copy, DescriptionIndex old_index) {
  const Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, volume, copy.session));
  uint32_t* from = find_entry_place(volume, *session, copy.from);
  if (!from || *from == 0) return Error(EBADF);
  BT_TRY_ASSIGN(uint32_t * to, make_entry_place(txn, context.thread, *session, copy.to));
  if (description_of(*to) != old_index)
    return Error(EBUSY);  // another thread's dup2 to the same number
  DescriptionIndex index = description_of(*from);
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(volume, index));
  DescriptionRecord* old = nullptr;
  if (*to) {
    BT_TRY_ASSIGN(old, open_record(volume, old_index));
  }
  BT_TRY(lock_descriptions(txn, record, old));
  txn.store(record->references, record->references + 1);
  if (old && old != record && must_release_locks(volume, *old, old_index)) return Error(EAGAIN);
  store_entry(txn, *session, *to, make_entry_word(index, copy.close_on_exec));
  bool orphan = false;
  if (old) {
    BT_TRY_ASSIGN(orphan, drop_reference_locked(txn, context.thread, *old, old_index));
  }
  txn.commit();
  return orphan;
}
}  // namespace

DescriptionIndex find_descriptor(const Volume& volume, SessionIndex session, int32_t fd,
                                 bool& close_on_exec) {
  const SessionRecord* record = volume.session(session);
  const uint32_t* place = record ? find_entry_place(volume, *record, fd) : nullptr;
  uint32_t entry = place ? load_relaxed(*place) : 0;
  close_on_exec = entry & kDescriptorCloseOnExec;
  return description_of(entry);
}

int32_t next_descriptor(const Volume& volume, SessionIndex session, int32_t from) {
  const SessionRecord* record = volume.session(session);
  if (!record) return -1;
  for (int32_t fd = base::max(from, 0); fd < kDescriptorsMax; fd++) {
    const uint32_t* place = find_entry_place(volume, *record, fd);
    if (!place)
      fd |= kDescriptorsPerPage - 1;
    else if (load_relaxed(*place) != 0)
      return fd;
  }
  return -1;
}

Result<void> close_descriptor(Context& context, SessionIndex session, int32_t fd) {
  bool close_on_exec;
  DescriptionIndex index = find_descriptor(context.volume(), session, fd, close_on_exec);
  if (index == DescriptionIndex::kNone) return Error(EBADF);
  BT_TRY(release_posix_locks(context, session, index));
  BT_TRY_ASSIGN(bool orphan, with_locks_released(context, index, [&] {
                  return close_once(context, session, fd, index);
                }));
  return finish(context.thread, orphan);
}

Result<void> copy_descriptor(Context& context, SessionIndex session, int32_t from, int32_t to,
                             bool close_on_exec) {
  if (!is_descriptor(to)) return Error(EMFILE);
  const SessionRecord* record = context.volume().session(session);
  if (!record) return Error(EINVAL);
  if (from == to) return set_close_on_exec(context, session, from, close_on_exec);
  Needs needs;
  needs.pages = find_entry_place(context.volume(), *record, to) ? 0 : 1;
  BT_TRY(prepare(context.thread, needs));
  bool ignored;
  DescriptionIndex old = find_descriptor(context.volume(), session, to, ignored);
  if (old != DescriptionIndex::kNone) BT_TRY(release_posix_locks(context, session, old));
  BT_TRY_ASSIGN(bool orphan, with_locks_released(context, old, [&] {
                  return copy_once(context, {session, from, to, close_on_exec}, old);
                }));
  return finish(context.thread, orphan);
}

Result<void> set_close_on_exec(Context& context, SessionIndex index, int32_t fd,
                               bool close_on_exec) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, context.volume(), index));
  uint32_t* place = find_entry_place(context.volume(), *session, fd);
  if (!place || *place == 0) return Error(EBADF);
  txn.store(*place, make_entry_word(description_of(*place), close_on_exec));
  txn.commit();
  return {};
}

Result<void> add_reference(Context& context, DescriptionIndex description) {
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(context.volume(), description));
  Transaction txn(context.thread);
  BT_TRY(txn.lock(record->lock, shm::LockRank::kDescription));
  if (record->in_use != 1) return Error(EBADF);
  txn.store(record->references, record->references + 1);
  txn.commit();
  return {};
}

Result<void> drop_reference(Context& context, DescriptionIndex description) {
  BT_TRY_ASSIGN(
      bool orphan, with_locks_released(context, description, [&]() -> Result<bool> {
        BT_TRY_ASSIGN(DescriptionRecord * record, open_record(context.volume(), description));
        Transaction txn(context.thread);
        BT_TRY(txn.lock(record->lock, shm::LockRank::kDescription));
        if (must_release_locks(context.volume(), *record, description)) return Error(EAGAIN);
        BT_TRY_ASSIGN(bool gone, drop_reference_locked(txn, context.thread, *record, description));
        txn.commit();
        return gone;
      }));
  return finish(context.thread, orphan);
}

}  // namespace bt::engine
