// SPDX-License-Identifier: MIT
// Parts of transactions on descriptor tables and open file descriptions, shared by the sources that open, close, copy and
// clone. Lock order: session, descriptions by index, inode.
#pragma once

#include "base/limits.h"
#include "engine/descriptions.h"
#include "engine/seq_read.h"

namespace bt::engine {

inline constexpr int32_t kDescriptorsPerPage = 1024;
inline constexpr int32_t kDescriptorsMax = kDescriptorPagesMax * kDescriptorsPerPage;

inline bool is_descriptor(int32_t fd) { return fd >= 0 && fd < kDescriptorsMax; }

constexpr DescriptionIndex description_of(uint32_t entry) {
  return DescriptionIndex{entry & ~kDescriptorCloseOnExec};
}
constexpr uint32_t make_entry_word(DescriptionIndex description, bool close_on_exec) {
  return raw(description) | (close_on_exec ? kDescriptorCloseOnExec : 0);
}

// The place of fd in the table; nullptr: its page is not there (or fd is out of range).
inline uint32_t* find_entry_place(const Volume& volume, const SessionRecord& session, int32_t fd) {
  if (!is_descriptor(fd)) return nullptr;
  char* page = volume.page(load_relaxed(session.descriptors[fd / kDescriptorsPerPage]));
  if (!page) return nullptr;
  return &reinterpret_cast<DescriptorPage*>(page)->entry[fd % kDescriptorsPerPage];
}

// Locks a session that is in use. EINVAL: it is not.
inline Result<SessionRecord*> lock_session(Transaction& txn, const Volume& volume,
                                           SessionIndex index) {
  SessionRecord* session = volume.session(index);
  if (!session) [[unlikely]]
    return Error(EINVAL);
  BT_TRY(txn.lock(session->lock, shm::LockRank::kSession));
  if (session->state == kSessionFree) [[unlikely]]
    return Error(EINVAL);
  return session;
}

// The place of fd, making its page if need be. Precondition: session locked, a page prepared unless the place was found
// before. EMFILE.
Result<uint32_t*> make_entry_place(Transaction& txn, Thread& thread, SessionRecord& session,
                                   int32_t fd);
// Stores an entry (0: none) and keeps the session's count.
inline void store_entry(Transaction& txn, SessionRecord& session, uint32_t& place, uint32_t entry) {
  if ((entry != 0) != (place != 0))
    txn.store(session.descriptor_count, session.descriptor_count + (entry ? 1u : ~0u));
  txn.store(place, entry);
}

// What an entry refers to, open. EIO: damage.
inline Result<DescriptionRecord*> open_record(const Volume& volume, DescriptionIndex description) {
  DescriptionRecord* record = volume.description(description);
  if (!record || load_relaxed(record->in_use) != 1) [[unlikely]]
    return BT_DAMAGED(volume);
  return record;
}

// The last reference of a description has locks on its file that must go first (release_file_locks), outside of the
// transaction: roll back, release, begin anew.
bool must_release_locks(const Volume& volume, const DescriptionRecord& record,
                        DescriptionIndex description);
// Releases OFD and flock locks of a description that is about to lose its last reference.
Result<void> release_description_locks(Context& context, DescriptionIndex description);

// Drops one reference; with the last one the description and, when nothing else uses it, the inode. Precondition: the
// description is locked, locks on files are released. True: call sweep_orphans after the commit.
Result<bool> drop_reference_locked(Transaction& txn, Thread& thread, DescriptionRecord& record,
                                   DescriptionIndex index);
// Gives up one of an inode's opens; true as above.
Result<bool> drop_open(Transaction& txn, Thread& thread, InodeNumber number);

}  // namespace bt::engine
