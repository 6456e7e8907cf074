// SPDX-License-Identifier: MIT
// Which page of the volume holds which page of a file: a radix tree of 1,024-way pages from the inode (root, height).
//
// Invariants, under the inode's lock:
//   1. bytes of the page that holds the end of the file, beyond the end, may be rubbish: who moves the end up clears what
//      it uncovers and does not write;
//   2. whole pages beyond the end (fallocate's) are zeros, unless kInodeShrinking is set: then they are left over from a
//      truncation that was too big for one transaction and must go before the file grows or gets pages. Everybody who
//      does either calls finish_shrinking first; a killed truncation costs nobody anything else;
//   3. those beyond the end that programs have mapped hold what they stored there, and kInodeMappedBeyond is set.
#pragma once

#include "engine/allocator.h"
#include "engine/transaction.h"

namespace bt::engine {

inline constexpr uint64_t kFilePagesMax = 1ull << 32;
inline constexpr uint64_t kFileSizeMax = kFilePagesMax * kPageSizeBytes;  // 16 TiB
inline constexpr uint32_t kRadixHeightMax = 4;

// Pages that one transaction may free, and that one may replace or add: what the undo log holds.
inline constexpr uint32_t kPagesFreedAtOnce = 64;
inline constexpr uint32_t kPagesWrittenAtOnce = 40;

// ---- for set_attributes, open(O_TRUNC) and reclaiming: inside the caller's transaction, which holds the inode's lock -----
// Sets the size. Shrinking frees up to kPagesFreedAtOnce pages; if more remain, or mapped ones, kInodeShrinking is set and the caller calls
// finish_shrinking after its commit. Growing needs no pages; the caller has called finish_shrinking before it took the lock
// and gives up (roll back, try again) if kInodeShrinking is set then. At most 300 log entries. Times are the caller's.
void set_size(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t size);
// For a file that goes: frees up to `limit` pages (radix pages included) at or beyond page `first`, or detaches them when
// programs have them mapped (engine/mapping.h). True: none are left there.
bool free_pages_from(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                     uint32_t limit);

// ---- outside any transaction --------------------------------------------------------------------------------------------
// Frees what truncation left beyond the end, in bounded transactions. Cheap when there is nothing (one load). ESTALE.
Result<void> finish_shrinking(Context& context, InodeNumber inode);

// ---- looking, under the lock or optimistically under the inode's sequence ---------------------------------------------------
// The page behind page `index`; kNone: a hole. Never leaves the volume, whatever it reads.
PageIndex find_page(const Volume& volume, const InodeRecord& inode, uint64_t index);

}  // namespace bt::engine
