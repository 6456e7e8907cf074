// SPDX-License-Identifier: MIT
// The lock around the offset of a description. It is held across the transactions of a read or write, so it lies below them
// in the slot's held list (Thread::held_base), where recovery finds it like any other. The offset itself is one word,
// stored after the data: a kill in between leaves the offset before the data it read or wrote.
#include "engine/descriptor_table.h"

namespace bt::engine {

Result<void> OffsetLock::acquire(Context& context, DescriptionIndex description, OffsetLock& lock) {
  Thread& thread = context.thread;
  SlotRecord& slot = *thread.slot;
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(context.volume(), description));
  if (thread.held_base || slot.in_transaction) [[unlikely]]
    return error::signal_in_section;
  if (context.volume().is_frozen()) [[unlikely]]
    return error::volume_frozen;
  base::store_relaxed(slot.held[0], context.volume().offset_of(&record->lock));  // → says_it_holds
  keep_order();
  __atomic_store_n(&slot.held_count, 1, __ATOMIC_RELAXED);
  keep_order();
  if (!shm::try_acquire(record->lock, thread.tag)) [[unlikely]]
    BT_TRY(acquire_contended(thread, record->lock));
  thread.held_base = 1;
  lock.thread_ = &thread;
  lock.description_ = record;
  return {};
}

OffsetLock::~OffsetLock() {
  if (!thread_) return;
  shm::release(description_->lock);
  __atomic_store_n(&thread_->slot->held_count, 0, __ATOMIC_RELAXED);
  thread_->held_base = 0;
}

uint64_t OffsetLock::offset() const {
  return __atomic_load_n(&description_->offset, __ATOMIC_RELAXED);
}

void OffsetLock::set_offset(uint64_t offset) {
  __atomic_store_n(&description_->offset, offset, __ATOMIC_RELAXED);
}

}  // namespace bt::engine
