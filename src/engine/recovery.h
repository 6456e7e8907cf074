// SPDX-License-Identifier: MIT
// Repairing what a dead thread left in its slot: undo its log, release its locks. May be cut short anywhere and repeated by
// the next who looks: the locks carry the dead owner's tag until the undo is complete. Declared in thread.h: recover_slot.
#pragma once

#include "engine/thread.h"

namespace bt::engine {

// Writes the old values of `count` log entries back, last first. EIO: an entry points outside the volume.
Result<void> undo_log(const Volume& volume, const SlotRecord& slot, uint32_t count);

// The same and the locks. Precondition: the caller owns the slot's token. Afterwards the slot is clean and of a new
// generation; its free lists are as they were. EIO: the slot makes no sense; it is left as it is, the volume frozen.
Result<void> repair_slot(const Volume& volume, SlotIndex index);

// Lets attach_thread find a slot that has become free.
void offer_slot(const Volume& volume, SlotIndex index);

}  // namespace bt::engine
