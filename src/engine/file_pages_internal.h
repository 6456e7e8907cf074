// SPDX-License-Identifier: MIT
// What the operations on data share about pages of files and nobody else needs. All under the inode's lock unless said.
#pragma once

#include "engine/file_pages.h"
#include "engine/seq_read.h"

namespace bt::engine {

// ---- the tree ------------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kFanoutBits = 10;
static_assert(1u << kFanoutBits == kRadixFanout);

inline uint32_t child_slot(uint64_t index, uint32_t height) {
  return (index >> (kFanoutBits * height)) & (kRadixFanout - 1);
}

inline RadixPage* radix_page(const Volume& volume, PageIndex page) {
  return reinterpret_cast<RadixPage*>(volume.page(page));
}

// Root and height share a word so that one log entry covers both, and one load.
struct Root {
  PageIndex page;
  uint64_t height;
};
inline Root load_root(const InodeRecord& inode) {
  uint64_t word = load_relaxed(reinterpret_cast<const uint64_t&>(inode.root));
  return {PageIndex{static_cast<uint32_t>(word)}, word >> 32};
}
inline void store_root(Transaction& txn, InodeRecord& inode, PageIndex root, uint32_t height) {
  static_assert(offsetof(InodeRecord, root) % 8 == 0);
  static_assert(offsetof(InodeRecord, height) == offsetof(InodeRecord, root) + 4);
  txn.store(reinterpret_cast<uint64_t&>(inode.root), uint64_t{height} << 32 | raw(root));
}

// `count` pages from `page` on: neighbours in the file and in the volume, or (kNone) all holes. Optimistic use is fine.
struct PageRun {
  PageIndex page;
  uint64_t count;
};
// The run at page `index`, at most `count` (≥ 1) long.
PageRun find_run(const Volume& volume, const InodeRecord& inode, uint64_t index, uint64_t count);

// The record of a regular file that may be changed. Not under the lock: a look before planning. EISDIR, EINVAL, EROFS, ESTALE.
Result<InodeRecord*> writable_file(const Volume& volume, InodeNumber number);

uint32_t radix_height_for(uint64_t last);
// Radix pages that make_place would take for all of [first, last], a range shorter than kRadixFanout. Optimistic: a guess.
uint32_t count_missing_radix_pages(const Volume& volume, const InodeRecord& inode, uint64_t first,
                                   uint64_t last);
// Whether the radix page of `level` (1: parents of data) on the way to `index` exists.
bool has_radix_page(const Volume& volume, const InodeRecord& inode, uint64_t index, uint32_t level);

// The word that names page `index`, making radix pages on the way; prepare() promised them. EIO.
Result<PageIndex*> make_place(Transaction& txn, Thread& thread, InodeIndex owner,
                              InodeRecord& inode, uint64_t index);
void store_place(Transaction& txn, InodeRecord& inode, PageIndex& place, PageIndex page);
void store_descriptor(Transaction& txn, PageDescriptor& place, const PageDescriptor& value);

// What becomes of pages that programs have mapped when their file loses them.
enum class Mapped : uint8_t {
  kDetach,  // the file itself goes: they are freed with their last pin
  kClear,  // they stay at their places, as zeros, so that what is written there next is seen by who has them mapped
  kStop,  // as kLeft: they end the removal. For a transaction in which the size moves, which must not touch bytes
};
struct PageRemoval {
  bool done;     // nothing but mapped pages is left in the range
  bool kept;     // kClear: there are such
  uint64_t end;  // not done: what is left of the range ends here
};
// Frees up to `limit` pages of [first, last) from the end, and the radix pages that become empty.
PageRemoval free_pages_between(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                               uint64_t last, uint32_t limit, Mapped mapped = Mapped::kDetach);

// Before the end moves up to `size`: zeros the rest of the page that holds the end, and mapped pages behind it. Not logged:
// it is beyond the end.
void clear_uncovered(const Volume& volume, const InodeRecord& inode, uint64_t size);

}  // namespace bt::engine
