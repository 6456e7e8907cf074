// SPDX-License-Identifier: MIT
// Keeping the cache within its budget. Pages: whoever brings pages makes room for them first, so that the daemon's thread, which looks
// ten times a second, need not be fast. docs/eviction.md has the policy.
#pragma once

#include "origin/source.h"

namespace bt::origin {

uint64_t pages_in_use(const engine::Volume& volume);

// Evicts until `pages` more stay within the budget, or nothing cold is found in two rounds of the hand. Without a budget
// (0: a daemon that has not said yet) nothing.
void make_room(Context& context, uint64_t pages);
// The volume itself is full: evicts so many pages whatever the budget says, or as many as there are.
void make_room_at_once(Context& context, uint64_t pages);

// Names and inodes, a directory's at a time: those of directories that were not used since an epoch, or, by who lists more than
// fits, of any that is not open. In use: inodes, or what their names take, if that is more.
uint64_t inodes_in_use(const engine::Volume& volume);
// The hand looks at so many inodes, or until `goal` are in use; the number evicted. before_epoch: directories used in it or
// later are left alone; UINT32_MAX: none are, and no directory goes itself.
uint64_t evict_inodes(Context& context, uint64_t goal, uint32_t before_epoch, uint32_t looks);
// Before a directory is listed: room for its names, if there are too many in use.
void make_room_for_names(Context& context);

}  // namespace bt::origin
