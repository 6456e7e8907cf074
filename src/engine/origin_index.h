// SPDX-License-Identifier: MIT
// The origin index: from what the origin calls a file to its inode here, so that all names of a file lead to one inode, in
// whatever order they come to be known. An inode is in it from its making until it loses its last name here, or until its file is
// found to be gone at the origin (disown, cached.h), for then the origin may give the number to another.
//
// A number that the origin has given away anew while that is not known here may have two inodes; the newest comes first.
#pragma once

#include "engine/transaction.h"

namespace bt::engine {

inline bool is_in_origin_index(const InodeRecord& inode) {
  return inode.flags & kInodeInOriginIndex;
}

// Where the chain of a number begins.
struct OriginPlace {
  OriginStripe* stripe;
  InodeIndex* head;  // guarded by the stripe's lock
};
OriginPlace place_in_origin_index(const Volume& volume, uint64_t number);

// Precondition: the inode's lock, or nobody knows it yet; what it is called, and its type, are set.
Result<void> enter_origin_index(Transaction& txn, const Volume& volume, InodeRecord& inode,
                                InodeIndex index);
// Precondition: the inode's lock, and it is there. EIO: it is not.
Result<void> leave_origin_index(Transaction& txn, const Volume& volume, InodeRecord& inode,
                                InodeIndex index);
// The newest inode that is called `number` and has the type, or the next older one than `after`; kNone: there is none. Until the
// transaction ends none comes and none goes. EIO.
Result<InodeIndex> find_in_origin_index(Transaction& txn, const Volume& volume, uint64_t number,
                                        uint32_t type, InodeIndex after);

}  // namespace bt::engine
