// SPDX-License-Identifier: MIT
#include "engine/recovery.h"

#include "base/plant.h"
#include "metrics/incidents.h"
#include "metrics/meter.h"
#include "shm/lock.h"

namespace bt::engine {
namespace {

// A place is the caller's word in a stranger's log: it must lie in the volume, aligned.
char* checked_place(const Volume& volume, uint64_t offset, uint64_t size) {
  if (offset % size || offset >= volume.geometry().volume_size) return nullptr;
  return volume.base() + offset;
}

void release_dead(LockRecord& lock, uint64_t dead_tag) {
  if (shm::owner_of(shm::load_tag(lock)) != dead_tag) return;
  if (!BT_PLANT(sequence_left_odd) && (__atomic_load_n(&lock.seq, __ATOMIC_RELAXED) & 1))
    shm::end_change(lock);
  shm::release(lock);
}

// It died between a change at the origin and the same change here: what is cached of the directory is looked at again.
void distrust(const Volume& volume, InodeNumber& directory) {
  InodeRecord* record = directory ? volume.inode(directory.index()) : nullptr;
  if (record) {
    __atomic_store_n(&record->directory.names_epoch, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&record->valid_epoch, 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&volume.superblock().dirtree_seq, 1, __ATOMIC_RELEASE);
  }
  directory.value = 0;
}

uint32_t pid_of_session(const Volume& volume, SessionIndex index) {
  const SessionRecord* session = volume.session(index);
  return session ? session->pid : 0;
}
}  // namespace

Result<void> undo_log(const Volume& volume, const SlotRecord& slot, uint32_t count) {
  if (count > kLogMax) return BT_DAMAGED(volume);
  uint32_t total = count;
  while (count-- > 0) {
    LogEntry entry = slot.log[BT_PLANT(rollback_in_order) ? total - 1 - count : count];
    bool half = entry.place & kLogHalfWord;
    char* place = checked_place(volume, entry.place & ~kLogHalfWord, half ? 4 : 8);
    if (!place) return BT_DAMAGED(volume);
    if (half)
      __atomic_store_n(reinterpret_cast<uint32_t*>(place), static_cast<uint32_t>(entry.old),
                       __ATOMIC_RELAXED);
    else
      __atomic_store_n(reinterpret_cast<uint64_t*>(place), entry.old, __ATOMIC_RELAXED);
  }
  return {};
}

Result<void> repair_slot(const Volume& volume, SlotIndex index) {
  SlotRecord& slot = *volume.slot(index);
  uint32_t held = slot.held_count;
  if (held > kHeldMax) return BT_DAMAGED(volume);
  uint32_t logged = slot.log_count;
  if (BT_PLANT(log_cleared_before_undo)) slot.log_count = 0;
  if (BT_PLANT(locks_forgotten_before_release)) slot.held_count = 0;
  BT_TRY(undo_log(volume, slot, logged));
  __atomic_store_n(&slot.log_count, 0, __ATOMIC_RELEASE);
  // It may have committed a move of directories and died before it told so.
  if (held) __atomic_add_fetch(&volume.superblock().dirtree_seq, 1, __ATOMIC_RELEASE);
  uint64_t dead_tag = shm::make_tag(index, slot.generation);
  while (held > 0) {
    uint64_t offset = static_cast<uint64_t>(slot.held[--held]);
    if (offset % 8 || offset > volume.geometry().volume_size - sizeof(LockRecord))
      return BT_DAMAGED(volume);
    release_dead(*reinterpret_cast<LockRecord*>(volume.base() + offset), dead_tag);
  }
  __atomic_store_n(&slot.held_count, 0, __ATOMIC_RELEASE);
  __atomic_store_n(&slot.in_transaction, 0, __ATOMIC_RELEASE);
  for (InodeNumber& directory : slot.changing) distrust(volume, directory);
  slot.reading = 0;
  __atomic_store_n(&slot.waiting_owner, uint64_t{0}, __ATOMIC_RELAXED);
  __atomic_store_n(&slot.session, SessionIndex::kNone, __ATOMIC_RELAXED);
  __atomic_store_n(&slot.generation, slot.generation + 1, __ATOMIC_RELEASE);
  return {};
}

bool recover_slot(Thread& thread, SlotIndex dead) {
  const Volume& volume = *thread.volume;
  SlotRecord* slot = volume.slot(dead);
  if (!slot || slot == thread.slot || !shm::is_dead(shm::token_word(slot->token))) return false;
  shm::Claim claim = shm::claim_token_briefly(thread.robust, slot->token);
  if (claim == shm::Claim::kBusy) return false;
  if (claim == shm::Claim::kFresh) {  // another thread was faster and is done
    shm::release_token(thread.robust, slot->token);
    return true;
  }
  uint32_t undone = slot->log_count, held = slot->held_count;
  uint32_t who = pid_of_session(volume, slot->session);
  if (!repair_slot(volume, dead)) {
    shm::abandon_token(thread.robust, slot->token);
    return false;
  }
  shm::release_token(thread.robust, slot->token);
  offer_slot(volume, dead);
  metrics::count_event(*thread.block, metrics::Event::k_recoveries);
  // A thread that ended between two calls is no incident.
  if (undone || held) [[unlikely]]
    metrics::note_incident(volume.control(), metrics::IncidentKind::kThreadRepaired, who,
                           pid_of_session(volume, thread.session), undone);
  return true;
}

}  // namespace bt::engine
