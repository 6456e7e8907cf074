// SPDX-License-Identifier: MIT
// What the operations on data share about pages of files and nobody else needs. All under the inode's lock unless said.
#pragma once

#include "engine/file_pages.h"

namespace bt::engine {

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

// Frees a data page that its file has let go of, or detaches it when programs have it mapped. EIO.
Result<void> release_data_page(Transaction& txn, Thread& thread, PageIndex page);

// Frees up to `limit` pages of [first, last), and the radix pages that become empty. True: none of the range are left.
bool free_pages_between(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                        uint64_t last, uint32_t limit);

// Before the end moves up to `size`: zeros the rest of the page that holds the end. Not logged: it is beyond the end.
void clear_uncovered(const Volume& volume, const InodeRecord& inode, uint64_t size);

}  // namespace bt::engine
