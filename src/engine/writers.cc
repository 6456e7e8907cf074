// SPDX-License-Identifier: MIT
#include "engine/writers.h"

#include <fcntl.h>

#include "engine/descriptor_table.h"
#include "shm/token.h"

namespace bt::engine {
namespace {

bool may_write(const Volume& volume, DescriptionIndex index, InodeNumber inode) {
  const DescriptionRecord* description = volume.description(index);
  if (!description || load_relaxed(description->in_use) != 1 ||
      load_relaxed(description->inode.value) != inode.value)
    return false;
  uint32_t flags = load_relaxed(description->flags);
  return !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY;
}

bool has_writer(const Volume& volume, SessionIndex index, const SessionRecord& session,
                InodeNumber inode) {
  for (int32_t fd = next_descriptor(volume, index, 0); fd >= 0;
       fd = next_descriptor(volume, index, fd + 1)) {
    bool close_on_exec;
    DescriptionIndex description = find_descriptor(volume, index, fd, close_on_exec);
    if (close_on_exec && load_relaxed(session.heir)) continue;
    if (may_write(volume, description, inode)) return true;
  }
  return false;
}

}  // namespace

SessionIndex next_writer(const Volume& volume, InodeNumber inode, SessionIndex after) {
  const InodeRecord* record = volume.inode(inode.index());
  if (!record || load_relaxed(record->opens) == 0) return SessionIndex::kNone;
  for (uint32_t i = raw(after) + 1; i < volume.sessions_used(); i++) {
    const SessionRecord& session = *volume.session(SessionIndex{i});
    uint32_t state = load_relaxed(session.state);
    // A child of fork that has not run yet has what its parent has.
    if (state == kSessionFree || state == kSessionForking ||
        load_relaxed(session.descriptor_count) == 0)
      continue;
    if (has_writer(volume, SessionIndex{i}, session, inode)) return SessionIndex{i};
  }
  return SessionIndex::kNone;
}

bool has_live_thread(const Volume& volume, SessionIndex session) {
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    const SlotRecord& slot = *volume.slot(SlotIndex{i});
    if (load_relaxed(slot.session) == session && shm::is_alive(shm::token_word(slot.token)))
      return true;
  }
  return false;
}

}  // namespace bt::engine
