// SPDX-License-Identifier: MIT
#include "engine/lock_wait.h"

#include "base/limits.h"
#include "engine/recovery.h"
#include "metrics/meter.h"

namespace bt::engine {
namespace {

using namespace base;  // NOLINT: the limits

// Waiters that come back in step would take turns at every store of the holder.
uint32_t some_pauses(uint32_t round) {
  uint32_t most = min(8u << min(round, 8u), kLockPausesMax);
  return most / 2 + static_cast<uint32_t>(__builtin_ia32_rdtsc()) % most;
}

bool spin(Thread& thread, LockRecord& lock) {
  for (uint32_t round = 0; round < kLockSpinRounds; round++) {
    for (uint32_t i = some_pauses(round); i > 0; i--) __builtin_ia32_pause();
    if (shm::load_tag(lock) == 0 && shm::try_acquire(lock, thread.tag)) return true;
  }
  return false;
}

bool says_it_holds(const Volume& volume, const SlotRecord& holder, const LockRecord& lock) {
  for (const ShmOffset& offset : holder.held)
    if (__atomic_load_n(reinterpret_cast<const uint64_t*>(&offset), __ATOMIC_RELAXED) ==
        static_cast<uint64_t>(volume.offset_of(&lock)))
      return true;
  return false;
}

// A dead holder is recovered. An owner that cannot be is damage, provided that the tag is still the one that was judged.
Result<void> look_at_holder(Thread& thread, LockRecord& lock, uint64_t tag, uint32_t sleeps) {
  Volume& volume = *thread.volume;
  SlotIndex index = shm::slot_of(tag);
  SlotRecord* holder = volume.slot(index);
  bool possible = holder != nullptr;
  if (possible) {
    uint32_t word = shm::token_word(holder->token);
    if (shm::is_dead(word)) {
      recover_slot(thread, index);
      return {};
    }
    uint32_t generation = __atomic_load_n(&holder->generation, __ATOMIC_ACQUIRE);
    possible = word != 0 && (generation & shm::kGenerationMask) == shm::generation_of(tag) &&
               (sleeps < kLockSleepsBeforeProof || says_it_holds(volume, *holder, lock));
  }
  if (!possible && shm::owner_of(shm::load_tag(lock)) == shm::owner_of(tag))
    return BT_DAMAGED(volume);
  return {};
}

Result<void> sleep_until_acquired(Thread& thread, LockRecord& lock) {
  uint32_t timeout_ms = kLockSleepMinMs;
  for (uint32_t sleeps = 0;;) {
    uint64_t tag = shm::load_tag(lock);
    if (tag == 0) {
      // With the waiters bit: somebody else may sleep still, and only we know that it was set.
      if (shm::try_acquire(lock, thread.tag | shm::kWaitersBit)) return {};
      continue;
    }
    if (thread.volume->is_frozen()) return error::volume_frozen;
    BT_TRY(look_at_holder(thread, lock, tag, sleeps));
    uint64_t waiting = tag | shm::kWaitersBit;
    if (tag != waiting && !__atomic_compare_exchange_n(&lock.tag, &tag, waiting, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    shm::futex_wait(shm::futex_word_of(lock), static_cast<uint32_t>(waiting), timeout_ms);
    timeout_ms = min(timeout_ms * 2, kLockSleepMaxMs);
    sleeps++;
  }
}

// The gate's closer is a slot's tag: when that slot is dead or its generation over, the gate is open.
bool is_closer_gone(const Volume& volume, uint64_t gate) {
  const SlotRecord* slot = volume.slot(shm::slot_of(gate));
  return !slot || !shm::is_alive(shm::token_word(slot->token)) ||
         (slot->generation & shm::kGenerationMask) != shm::generation_of(gate);
}

uint32_t& gate_word(Superblock& super) { return reinterpret_cast<uint32_t*>(&super.gate)[1]; }

Result<void> wait_for_gate(Thread& thread) {
  Superblock& super = thread.volume->superblock();
  while (is_gate_closed(thread)) {
    uint64_t gate = __atomic_load_n(&super.gate, __ATOMIC_ACQUIRE);
    if (is_closer_gone(*thread.volume, gate)) {
      __atomic_compare_exchange_n(&super.gate, &gate, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
      continue;
    }
    if (thread.volume->is_frozen()) return error::volume_frozen;
    shm::futex_wait(gate_word(super), static_cast<uint32_t>(gate >> 32), kLockSleepMaxMs);
  }
  return {};
}

void forget_lock(Thread& thread) {
  __atomic_store_n(&thread.slot->held_count, thread.slot->held_count - 1, __ATOMIC_RELAXED);
}
}  // namespace

Result<void> acquire_contended(Thread& thread, LockRecord& lock) {
  metrics::count_event(*thread.block, metrics::Event::k_lock_waits);
  if (spin(thread, lock)) return {};
  Result<void> result = sleep_until_acquired(thread, lock);
  if (!result) forget_lock(thread);
  return result;
}

Result<void> pass_gate(Thread& thread, LockRecord& lock) {
  SlotRecord& slot = *thread.slot;
  do {
    shm::release(lock);
    __atomic_store_n(&slot.in_transaction, 0, __ATOMIC_RELEASE);
    Result<void> passed = wait_for_gate(thread);
    __atomic_store_n(&slot.in_transaction, 1, __ATOMIC_RELAXED);
    if (!passed) {
      forget_lock(thread);
      return passed;
    }
    if (!shm::try_acquire(lock, thread.tag)) BT_TRY(acquire_contended(thread, lock));
  } while (is_gate_closed(thread));
  return {};
}

Result<void> close_gate(Thread& thread, uint32_t timeout_ms) {
  Volume& volume = *thread.volume;
  Superblock& super = volume.superblock();
  uint64_t gate = 0;
  while (!__atomic_compare_exchange_n(&super.gate, &gate, thread.tag, false, __ATOMIC_SEQ_CST,
                                      __ATOMIC_RELAXED)) {
    if (!is_closer_gone(volume, gate)) return Error(EBUSY);
    __atomic_compare_exchange_n(&super.gate, &gate, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    gate = 0;
  }
  uint32_t waited_ms = 0;
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    SlotRecord& slot = *volume.slot(SlotIndex{i});
    while (__atomic_load_n(&slot.in_transaction, __ATOMIC_ACQUIRE) &&
           shm::token_word(slot.token) != 0 && !recover_slot(thread, SlotIndex{i})) {
      if (waited_ms++ >= timeout_ms) {
        open_gate(thread);
        return Error(ETIMEDOUT);
      }
      uint32_t never = 0;
      shm::futex_wait(never, 0, 1);
    }
  }
  return {};
}

void open_gate(Thread& thread) {
  Superblock& super = thread.volume->superblock();
  uint64_t mine = thread.tag;
  if (__atomic_compare_exchange_n(&super.gate, &mine, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
    shm::futex_wake(gate_word(super), INT32_MAX);
}

}  // namespace bt::engine
