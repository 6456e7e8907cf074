// SPDX-License-Identifier: MIT
#include "engine/thread.h"

#include "engine/allocator.h"
#include "engine/recovery.h"
#include "metrics/summary.h"
#include "shm/lock.h"

namespace bt::engine {
namespace {

void raise_to(uint32_t& word, uint32_t value) {
  uint32_t seen = __atomic_load_n(&word, __ATOMIC_RELAXED);
  while (seen < value && !__atomic_compare_exchange_n(&word, &seen, value, false, __ATOMIC_RELEASE,
                                                      __ATOMIC_RELAXED)) {
  }
}

// The thread becomes the slot's owner if the slot is free or dead. The hint of use goes first: a slot that is claimed is
// never beyond slots_used.
bool claim_slot(Thread& thread, SlotIndex index) {
  const Volume& volume = *thread.volume;
  SlotRecord& slot = *volume.slot(index);
  if (shm::is_alive(shm::token_word(slot.token))) return false;
  raise_to(volume.superblock().slots_used, raw(index) + 1);
  if (shm::claim_token(thread.robust, slot.token) == shm::Claim::kBusy) return false;
  if (!repair_slot(volume, index)) {
    shm::detach_token(thread.robust, slot.token);
    shm::condemn_token(slot.token);
    return false;
  }
  thread.slot = &slot;
  thread.slot_index = index;
  thread.block = volume.block(index);
  thread.tag = shm::make_tag(index, slot.generation);
  thread.thread_id = thread.robust.thread_id;
  thread.held_base = 0;
  return true;
}

Result<void> claim_any_slot(Thread& thread) {
  const Volume& volume = *thread.volume;
  BT_TRY(shm::find_robust_list(thread.robust));
  uint32_t count = static_cast<uint32_t>(volume.geometry().slots.count);
  uint32_t& hint = volume.superblock().slot_hint;
  uint32_t first = __atomic_load_n(&hint, __ATOMIC_RELAXED);
  if (first == 0 || first >= count) first = 1;
  for (uint32_t i = first; i < count; i++)
    if (claim_slot(thread, SlotIndex{i})) {
      __atomic_store_n(&hint, i + 1, __ATOMIC_RELAXED);
      return {};
    }
  for (uint32_t i = 1; i < first; i++)
    if (claim_slot(thread, SlotIndex{i})) return {};
  return error::slot_table_full;
}
}  // namespace

void offer_slot(const Volume& volume, SlotIndex index) {
  uint32_t& hint = volume.superblock().slot_hint;
  if (raw(index) < __atomic_load_n(&hint, __ATOMIC_RELAXED))
    __atomic_store_n(&hint, raw(index), __ATOMIC_RELAXED);
}

Result<void> attach_thread(Thread& thread, SessionIndex session) {
  if (thread.volume->is_frozen()) return error::volume_frozen;
  BT_TRY(claim_any_slot(thread));
  thread.session = session;
  __atomic_store_n(&thread.slot->session, session, __ATOMIC_RELEASE);  // → condemn_session
  metrics::begin_occupant(*thread.block);
  return {};
}

bool attach_idle_slot(Thread& thread, SlotIndex index) {
  if (shm::is_alive(shm::token_word(thread.volume->slot(index)->token))) return false;
  return claim_slot(thread, index);
}

void detach_thread(Thread& thread) {
  if (!thread.slot) return;
  flush_lists(thread);
  __atomic_store_n(&thread.slot->session, SessionIndex::kNone, __ATOMIC_RELAXED);
  if (!shm::detach_token(thread.robust, thread.slot->token)) return;
  offer_slot(*thread.volume, thread.slot_index);
  thread.slot = nullptr;
  thread.slot_index = SlotIndex::kNone;
  thread.tag = 0;
}

uint32_t sweep_slots(Thread& thread) {
  uint32_t recovered = 0;
  for (uint32_t i = 1; i < thread.volume->slots_used(); i++)
    if (shm::is_dead(shm::token_word(thread.volume->slot(SlotIndex{i})->token)))
      recovered += recover_slot(thread, SlotIndex{i});
  return recovered;
}

void condemn_session(Volume& volume, SessionIndex session) {
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    SlotRecord& slot = *volume.slot(SlotIndex{i});
    if (__atomic_load_n(&slot.session, __ATOMIC_ACQUIRE) == session) shm::condemn_token(slot.token);
  }
}

}  // namespace bt::engine
