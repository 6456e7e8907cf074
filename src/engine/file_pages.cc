// SPDX-License-Identifier: MIT
// The radix tree of a file's pages: looking, and making the way to a page. page_removal.cc takes pages out of it. A number that leads out of the volume is damage: reported, and taken for a hole.
#include "engine/file_pages.h"

#include "base/bytes.h"
#include "base/user_copy.h"
#include "engine/file_pages_internal.h"

namespace bt::engine {

namespace {

PageIndex make_radix_page(Transaction& txn, Thread& thread, InodeIndex owner, uint64_t first) {
  PageIndex page = take_page(txn, thread, owner, static_cast<uint32_t>(first), kPageRadix);
  if (char* bytes = thread.volume->page(page)) base::zero_user(bytes, kPageSizeBytes);
  return page;
}

}  // namespace

PageIndex find_page(const Volume& volume, const InodeRecord& inode, uint64_t index) {
  auto [page, height] = load_root(inode);
  if (height > kRadixHeightMax || index >> (kFanoutBits * height)) return PageIndex::kNone;
  while (height > 0) {
    RadixPage* radix = radix_page(volume, page);
    if (!radix) return PageIndex::kNone;
    height--;
    page = __atomic_load_n(&radix->child[child_slot(index, height)], __ATOMIC_RELAXED);
  }
  return page;
}

PageRun find_run(const Volume& volume, const InodeRecord& inode, uint64_t index, uint64_t count) {
  auto [page, height] = load_root(inode);
  if (height > kRadixHeightMax || index >> (kFanoutBits * height)) return {PageIndex::kNone, count};
  while (height > 0) {
    RadixPage* radix = radix_page(volume, page);
    uint64_t span = 1ull << (kFanoutBits * height);
    if (!radix) return {PageIndex::kNone, base::min(count, span - (index & (span - 1)))};
    height--;
    uint32_t slot = child_slot(index, height);
    page = __atomic_load_n(&radix->child[slot], __ATOMIC_RELAXED);
    if (height == 0) {
      // Neighbours that are also neighbours in the volume are copied at one go.
      uint64_t run = 1, limit = base::min<uint64_t>(count, kRadixFanout - slot);
      uint32_t step = page == PageIndex::kNone ? 0 : 1;
      while (run < limit && raw(__atomic_load_n(&radix->child[slot + run], __ATOMIC_RELAXED)) ==
                                raw(page) + step * run)
        run++;
      return {page, run};
    }
  }
  return {page, 1};
}

uint32_t radix_height_for(uint64_t last) {
  uint32_t height = 0;
  while (last >> (kFanoutBits * height)) height++;
  return height;
}

uint32_t count_missing_radix_pages(const Volume& volume, const InodeRecord& inode, uint64_t first,
                                   uint64_t last) {
  auto [root, height] = load_root(inode);
  uint32_t needed = radix_height_for(last);
  if (height > kRadixHeightMax) return 0;  // damage, as make_place will say
  if (root == PageIndex::kNone) height = needed;
  uint32_t missing = 0;
  if (needed > height) {
    missing =
        needed -
        height;  // new roots above the old one; below them everything beside the old tree is missing
    height = needed;
  }
  // Level by level, the radix pages on the ways to `first` and `last`: at most two a level, since the range is short.
  for (uint32_t level = height; level > 0; level--) {
    uint32_t shift = kFanoutBits * level;
    bool one = first >> shift == last >> shift;
    if (!has_radix_page(volume, inode, first, level)) missing++;
    if (!one && !has_radix_page(volume, inode, last, level)) missing++;
  }
  return missing;
}

bool has_radix_page(const Volume& volume, const InodeRecord& inode, uint64_t index,
                    uint32_t level) {
  auto [page, height] = load_root(inode);
  if (page == PageIndex::kNone || height > kRadixHeightMax) return false;
  if (level > height) return index >> (kFanoutBits * level) == 0;  // a new root, counted as such
  if (index >> (kFanoutBits * height)) return false;
  for (; height > level; height--) {
    RadixPage* radix = radix_page(volume, page);
    if (!radix) return false;
    page = load_relaxed(radix->child[child_slot(index, height - 1)]);
  }
  return page != PageIndex::kNone;
}

Result<PageIndex*> make_place(Transaction& txn, Thread& thread, InodeIndex owner,
                              InodeRecord& inode, uint64_t index) {
  const Volume& volume = *thread.volume;
  uint32_t needed = radix_height_for(index);
  if (inode.root == PageIndex::kNone) {
    if (inode.height != needed) store_root(txn, inode, PageIndex::kNone, needed);
  }
  if (inode.height > kRadixHeightMax) return BT_DAMAGED(volume);
  while (inode.height < needed) {
    PageIndex page = make_radix_page(txn, thread, owner, 0);
    RadixPage* radix = radix_page(volume, page);
    if (!radix) return BT_DAMAGED(volume);
    radix->child[0] = inode.root;  // nobody sees the new page yet
    store_root(txn, inode, page, inode.height + 1);
  }
  PageIndex* place = &inode.root;
  for (uint32_t height = inode.height; height > 0; height--) {
    if (*place == PageIndex::kNone) {
      uint64_t span = 1ull << (kFanoutBits * height);
      PageIndex page = make_radix_page(txn, thread, owner, base::align_down(index, span));
      if (place == &inode.root)
        store_root(txn, inode, page, inode.height);
      else
        txn.store(*place, page);
    }
    RadixPage* radix = radix_page(volume, *place);
    if (!radix) return BT_DAMAGED(volume);
    place = &radix->child[child_slot(index, height - 1)];
  }
  return place;
}

void store_place(Transaction& txn, InodeRecord& inode, PageIndex& place, PageIndex page) {
  if (&place == &inode.root)
    store_root(txn, inode, page, inode.height);
  else
    txn.store(place, page);
}

void store_descriptor(Transaction& txn, PageDescriptor& place, const PageDescriptor& value) {
  auto& to = reinterpret_cast<uint64_t(&)[2]>(place);
  auto& from = reinterpret_cast<const uint64_t(&)[2]>(value);
  for (int i = 0; i < 2; i++)
    if (to[i] != from[i]) txn.store(to[i], from[i]);
}

namespace {

// Pages beyond the end that programs have mapped: one of those may have stored there since they were cleared.
void clear_mapped_pages(const Volume& volume, const InodeRecord& inode, uint64_t first,
                        uint64_t end) {
  while (first < end) {
    PageRun run = find_run(volume, inode, first, end - first);
    for (uint32_t i = 0; run.page != PageIndex::kNone && i < run.count; i++) {
      PageIndex page{raw(run.page) + i};
      const PageDescriptor* descriptor = volume.page_descriptor(page);
      if (descriptor && descriptor->pins) base::zero_user(volume.page(page), kPageSizeBytes);
    }
    first += run.count;
  }
}

}  // namespace

void clear_uncovered(const Volume& volume, const InodeRecord& inode, uint64_t size) {
  if (size <= inode.size) return;
  if (uint64_t in_page = inode.size % kPageSizeBytes) {
    char* bytes = volume.page(find_page(volume, inode, inode.size / kPageSizeBytes));
    if (bytes)
      base::zero_user(bytes + in_page, base::min(size - inode.size, kPageSizeBytes - in_page));
  }
  if (inode.flags & kInodeMappedBeyond) [[unlikely]]
    clear_mapped_pages(volume, inode, base::divide_up(inode.size, kPageSizeBytes),
                       base::divide_up(size, kPageSizeBytes));
}

}  // namespace bt::engine
