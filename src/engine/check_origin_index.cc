// SPDX-License-Identifier: MIT
// The origin index: what says that it is in it is found there, and nothing else is. Chains that no inode belongs to are not looked
// at, for reading the table's holes would give them memory.
#include "base/limits.h"
#include "engine/check_state.h"
#include "engine/origin_index.h"

namespace bt::engine {
namespace {

void check_chain(CheckState& state, InodeIndex index, const InodeRecord& inode) {
  const OriginPlace place = place_in_origin_index(state.volume, inode.origin);
  if (shm::load_tag(place.stripe->lock) != 0 || (place.stripe->lock.seq & 1))
    state.violation("origin stripe locked", raw(index), 0, inode.origin);
  bool found = false;
  uint32_t steps = 0;
  for (InodeIndex at = *place.head; at != InodeIndex::kNone; steps++) {
    const InodeRecord* other = state.volume.inode(at);
    if (!other || steps == base::kChainLengthMax)
      return state.violation("origin index", raw(index), 0, raw(at));
    if (!is_alive(*other) || !is_in_origin_index(*other))
      state.violation("in the origin index", raw(at), kInodeInOriginIndex, other->flags);
    found |= at == index;
    at = other->next;
  }
  if (!found) state.violation("not in the origin index", raw(index), inode.origin, 0);
}

}  // namespace

void check_origin_index(CheckState& state) {
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++) {
    const InodeRecord& inode = *state.volume.inode(InodeIndex{i});
    if (!is_alive(inode) || !is_in_origin_index(inode)) continue;
    if (inode.nlink == 0 || (inode.mode & 0170000) == 0040000)
      state.violation("may not be in the origin index", i, inode.nlink, inode.mode);
    check_chain(state, InodeIndex{i}, inode);
  }
}

}  // namespace bt::engine
