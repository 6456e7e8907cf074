// SPDX-License-Identifier: MIT
#include "engine/origin_index.h"

#include "base/limits.h"
#include "engine/permissions.h"

namespace bt::engine {
namespace {

// Most origins number files one after the other, and so do listings meet them: neighbours share a cache line and a page. What
// makes numbers large is a group of the file system they lie in.
uint64_t hash_number(uint64_t number) { return number + (number >> 32) * 0x9e3779b1; }

Result<InodeIndex*> lock_head(Transaction& txn, const Volume& volume, uint64_t number) {
  OriginPlace place = place_in_origin_index(volume, number);
  BT_TRY(txn.lock(place.stripe->lock, shm::LockRank::kAllocator));
  return place.head;
}

}  // namespace

OriginPlace place_in_origin_index(const Volume& volume, uint64_t number) {
  uint64_t hash = hash_number(number);
  OriginStripe& stripe = volume.origin_stripe(hash);
  return {&stripe, &stripe.head[hash % kHeadsAnOriginStripe]};
}

Result<void> enter_origin_index(Transaction& txn, const Volume& volume, InodeRecord& inode,
                                InodeIndex index) {
  BT_TRY_ASSIGN(InodeIndex * head, lock_head(txn, volume, inode.origin));
  txn.store(inode.next, *head);
  txn.store(*head, index);
  txn.store(inode.flags, inode.flags | kInodeInOriginIndex);
  return {};
}

Result<void> leave_origin_index(Transaction& txn, const Volume& volume, InodeRecord& inode,
                                InodeIndex index) {
  BT_TRY_ASSIGN(InodeIndex * link, lock_head(txn, volume, inode.origin));
  for (uint32_t steps = 0; *link != index; steps++) {
    InodeRecord* other = volume.inode(*link);
    if (!other || steps == base::kChainLengthMax) [[unlikely]]
      return BT_DAMAGED(volume);
    link = &other->next;
  }
  txn.store(*link, inode.next);
  txn.store(inode.flags, inode.flags & ~kInodeInOriginIndex);
  return {};
}

Result<InodeIndex> find_in_origin_index(Transaction& txn, const Volume& volume, uint64_t number,
                                        uint32_t type, InodeIndex after) {
  BT_TRY_ASSIGN(InodeIndex * head, lock_head(txn, volume, number));
  bool passed = after == InodeIndex::kNone;
  uint32_t steps = 0;
  for (InodeIndex index = *head; index != InodeIndex::kNone; steps++) {
    const InodeRecord* inode = volume.inode(index);
    if (!inode || steps == base::kChainLengthMax) [[unlikely]]
      return BT_DAMAGED(volume);
    bool is_it = inode->origin == number && (load_relaxed(inode->mode) & kModeType) == type;
    if (is_it && passed) return index;
    passed |= index == after;
    index = inode->next;
  }
  return InodeIndex::kNone;
}

}  // namespace bt::engine
