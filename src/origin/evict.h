// SPDX-License-Identifier: MIT
// Keeping the cache within its budget: whoever brings pages makes room for them first, so that the daemon's thread, which looks
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

}  // namespace bt::origin
