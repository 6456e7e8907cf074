// SPDX-License-Identifier: MIT
// The end of an inode: no name, no open description, no memory of it in the kernel. Whoever makes the last of the three true
// frees it in the same transaction. A file with more pages than one transaction can free goes to the orphan list instead:
// its generation grows at once, so nobody can reach it any more, and it is taken apart in bounded transactions, by whoever
// put it there or, if he dies, by the daemon's sweep.
#pragma once

#include "engine/allocator.h"
#include "engine/file_pages.h"
#include "engine/transaction.h"

namespace bt::engine {

// Call with the inode's lock held, after storing what went (nlink, opens). Does nothing while somebody still uses it. True:
// it went to the orphan list; call sweep_orphans after the commit. May take the orphan lock or the page pool's.
Result<bool> reclaim_if_unused(Transaction& txn, Thread& thread, InodeRecord& inode,
                               InodeIndex index);

// Takes orphans apart, at most `transactions` transactions long. True: none are left.
Result<bool> sweep_orphans(Thread& thread, uint32_t transactions);

// Frees what a dead daemon left: inodes without name and user whose last forget was cut, or was read and never carried out.
// `is_known` (may be null) asks the kernel, without any lock held; one it does not know counts as forgotten. Looks at
// every inode: for the daemon, once after a death. Returns how many went.
using IsKnown = bool (*)(void* argument, InodeNumber inode);
Result<uint32_t> free_leftovers(Thread& thread, IsKnown is_known, void* argument);

// Inodes without name and user that the kernel still knows, among `looks` records from `next` on, which moves behind the last
// that was looked at and is 0 at the end of the table. They are not freed before the kernel forgets them. At most `most`.
uint32_t find_known_leftovers(const Volume& volume, uint32_t& next, uint32_t looks,
                              InodeNumber* found, uint32_t most);

// What a caller of reclaim_if_unused does after its commit.
inline constexpr uint32_t kSweepAll = UINT32_MAX;

}  // namespace bt::engine
