// SPDX-License-Identifier: MIT
// The radix tree of a file's pages: looking, making the way to a page, and freeing from the end. Recursion is bounded by
// kRadixHeightMax. A number that leads out of the volume is damage: reported, and taken for a hole.
#include "engine/file_pages.h"

#include "base/bytes.h"
#include "base/user_copy.h"
#include "engine/cached.h"
#include "engine/file_pages_internal.h"
#include "engine/housekeeping.h"
#include "engine/seq_read.h"

namespace bt::engine {

namespace {

constexpr uint32_t kFanoutBits = 10;
static_assert(1u << kFanoutBits == kRadixFanout);

uint32_t child_slot(uint64_t index, uint32_t height) {
  return (index >> (kFanoutBits * height)) & (kRadixFanout - 1);
}

RadixPage* radix_page(const Volume& volume, PageIndex page) {
  return reinterpret_cast<RadixPage*>(volume.page(page));
}

// Root and height share a word so that one log entry covers both, and one load.
struct Root {
  PageIndex page;
  uint64_t height;
};
Root load_root(const InodeRecord& inode) {
  uint64_t word = load_relaxed(reinterpret_cast<const uint64_t&>(inode.root));
  return {PageIndex{static_cast<uint32_t>(word)}, word >> 32};
}
void store_root(Transaction& txn, InodeRecord& inode, PageIndex root, uint32_t height) {
  static_assert(offsetof(InodeRecord, root) % 8 == 0);
  static_assert(offsetof(InodeRecord, height) == offsetof(InodeRecord, root) + 4);
  txn.store(reinterpret_cast<uint64_t&>(inode.root), uint64_t{height} << 32 | raw(root));
}

PageIndex make_radix_page(Transaction& txn, Thread& thread, InodeIndex owner, uint64_t first) {
  PageIndex page = take_page(txn, thread, owner, static_cast<uint32_t>(first), kPageRadix);
  if (char* bytes = thread.volume->page(page)) base::zero_user(bytes, kPageSizeBytes);
  return page;
}

// One removal of the pages [first, last).
class Remover {
 public:
  Remover(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first, uint64_t last,
          uint32_t limit)
      : txn_(txn),
        thread_(thread),
        volume_(*thread.volume),
        inode_(inode),
        first_(first),
        last_(last),
        left_(limit) {}

  // Frees what it may in the tree at `place`, which covers [base, base + 1024^height). True: none of the range is left in it.
  bool remove(PageIndex& place, uint32_t height, uint64_t base) {
    if (place == PageIndex::kNone) return true;
    if (height == 0) return remove_data(place);
    RadixPage* radix = radix_page(volume_, place);
    if (!radix) return damaged(BT_DAMAGED(volume_));
    if (!remove_children(*radix, height - 1, base)) return false;
    bool whole = base >= first_ && base + (1ull << (kFanoutBits * height)) <= last_;
    if (!whole && has_children(*radix)) return true;
    return remove_page(place, [&](PageIndex page) { give_page(txn_, thread_, page); });
  }

  uint32_t data_pages() const { return data_pages_; }

 private:
  bool remove_children(RadixPage& radix, uint32_t height, uint64_t base) {
    uint64_t span = 1ull << (kFanoutBits * height);
    uint64_t begin = first_ > base ? (first_ - base) / span : 0;
    uint64_t end =
        last_ > base ? base::min<uint64_t>(base::divide_up(last_ - base, span), kRadixFanout) : 0;
    // From the end: free lists are stacks, so that the next file gets the pages in this one's order, neighbours as neighbours.
    for (uint64_t i = end; i-- > begin;)
      if (!remove(radix.child[i], height, base + i * span)) return false;
    return true;
  }

  bool has_children(const RadixPage& radix) const {
    for (PageIndex child : radix.child)
      if (child != PageIndex::kNone) return true;
    return false;
  }

  bool remove_data(PageIndex& place) {
    bool good = true;
    if (!remove_page(place, [&](PageIndex page) {
          good = release_data_page(txn_, thread_, page).has_value();
        }))
      return false;
    data_pages_++;
    return good || damaged(error::volume_corrupt);
  }

  // False: the limit is reached.
  template <typename Give>
  bool remove_page(PageIndex& place, Give give) {
    if (left_ == 0) return false;
    left_--;
    PageIndex page = place;
    if (&place == &inode_.root)
      store_root(txn_, inode_, PageIndex::kNone, 0);
    else
      txn_.store(place, PageIndex::kNone);
    give(page);
    return true;
  }

  // Stops the removal: the volume takes no changes any more, so nobody waits for the rest.
  bool damaged(Error) {
    left_ = 0;
    return true;
  }

  Transaction& txn_;
  Thread& thread_;
  const Volume& volume_;
  InodeRecord& inode_;
  uint64_t first_, last_;
  uint32_t left_;
  uint32_t data_pages_ = 0;
};

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

Result<void> release_data_page(Transaction& txn, Thread& thread, PageIndex page) {
  const Volume& volume = *thread.volume;
  PageDescriptor* descriptor = volume.page_descriptor(page);
  if (!descriptor || descriptor->use != kPageData) return BT_DAMAGED(volume);
  forget_dirty_page(volume, *descriptor);
  if (descriptor->pins == 0) [[likely]] {
    give_page(txn, thread, page);
    return {};
  }
  // The pool's lock keeps unpinners of a detached page out until this transaction has committed.
  BT_TRY(txn.lock(volume.superblock().free_pages.lock, shm::LockRank::kAllocator));
  PageDescriptor detached = *descriptor;
  detached.owner = InodeIndex::kNone;
  detached.flags = static_cast<uint8_t>((detached.flags & ~kPageDirty) | kPageDetached);
  store_descriptor(txn, *descriptor, detached);
  return {};
}

void store_descriptor(Transaction& txn, PageDescriptor& place, const PageDescriptor& value) {
  auto& to = reinterpret_cast<uint64_t(&)[2]>(place);
  auto& from = reinterpret_cast<const uint64_t(&)[2]>(value);
  for (int i = 0; i < 2; i++)
    if (to[i] != from[i]) txn.store(to[i], from[i]);
}

bool free_pages_between(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                        uint64_t last, uint32_t limit) {
  if (inode.root == PageIndex::kNone) return true;
  uint32_t height = inode.height;
  if (height > kRadixHeightMax) {
    (void)BT_DAMAGED(*thread.volume);
    return true;
  }
  if (first >= last || first >> (kFanoutBits * height)) return true;
  Remover remover(txn, thread, inode, first, last, limit);
  bool done = remover.remove(inode.root, height, 0);
  if (remover.data_pages()) txn.store(inode.page_count, inode.page_count - remover.data_pages());
  return done;
}

bool free_pages_from(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                     uint32_t limit) {
  return free_pages_between(txn, thread, inode, first, 1ull << (kFanoutBits * kRadixHeightMax),
                            limit);
}

void clear_uncovered(const Volume& volume, const InodeRecord& inode, uint64_t size) {
  uint64_t in_page = inode.size % kPageSizeBytes;
  if (in_page == 0 || size <= inode.size) return;
  char* bytes = volume.page(find_page(volume, inode, inode.size / kPageSizeBytes));
  if (!bytes) return;
  base::zero_user(bytes + in_page, base::min(size - inode.size, kPageSizeBytes - in_page));
}

void set_size(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t size) {
  if (size > inode.size) {
    clear_uncovered(*thread.volume, inode, size);
    txn.store(inode.size, size);
    return;
  }
  if (size != inode.size) txn.store(inode.size, size);
  // Also when the size stays: truncate drops what fallocate put beyond the end, as on Linux.
  bool done =
      free_pages_from(txn, thread, inode, base::divide_up(size, kPageSizeBytes), kPagesFreedAtOnce);
  uint32_t flags = done ? inode.flags & ~kInodeShrinking : inode.flags | kInodeShrinking;
  if (flags != inode.flags) txn.store(inode.flags, flags);
}

Result<void> finish_shrinking(Context& context, InodeNumber number) {
  Thread& thread = context.thread;
  InodeRecord* inode = context.volume().inode(number.index());
  if (!inode) return Error(ESTALE);
  if (!(__atomic_load_n(&inode->flags, __ATOMIC_RELAXED) & kInodeShrinking)) return {};
  Housekeeping housekeeping(thread);
  while (__atomic_load_n(&inode->flags, __ATOMIC_RELAXED) & kInodeShrinking) {
    {
      Transaction txn(thread);
      BT_TRY(txn.lock(inode->lock, shm::LockRank::kInode));
      if (inode->generation != number.generation()) return Error(ESTALE);
      if (!(inode->flags & kInodeShrinking)) return {};
      uint64_t first = base::divide_up(inode->size, kPageSizeBytes);
      if (free_pages_from(txn, thread, *inode, first, kPagesFreedAtOnce))
        txn.store(inode->flags, inode->flags & ~kInodeShrinking);
      txn.commit();
    }
    settle(thread);
  }
  return {};
}

}  // namespace bt::engine
