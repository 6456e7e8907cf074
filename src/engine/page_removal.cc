// SPDX-License-Identifier: MIT
// Taking pages out of a file: truncation, holes, and the end of the file itself; in bounded transactions, from the end.
// Recursion is bounded by kRadixHeightMax.
//
// Pages that programs have mapped stay at their places as zeros while the file lives, and so do those beyond its end: what
// somebody writes there later is written to the very page that is mapped. A truncation clears them after the transaction
// that moved the size (until then they may be wanted again), under kInodeShrinking like all that is left to do. Beyond the end
// they go with their last pin (unpin_page); kInodeMappedBeyond says that there may be some, whose mapper may have stored to
// them again: who moves the end up clears those it uncovers.
//
//   steps of a truncation                          killed after it
//   1 size, kInodeShrinking                        rolled back
//   2 commit                                       truncated: whoever grows, fills or maps the file does step 3 first
//   3 clear mapped pages, free others, commit …    the same
#include "base/bytes.h"
#include "base/user_copy.h"
#include "engine/cached.h"
#include "engine/file_pages_internal.h"
#include "engine/housekeeping.h"

namespace bt::engine {

namespace {

constexpr uint64_t kNoPage = 1ull << (kFanoutBits * kRadixHeightMax);

// One removal of the pages [first, last).
class Remover {
 public:
  Remover(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first, uint64_t last,
          uint32_t limit, Mapped mapped)
      : txn_(txn),
        thread_(thread),
        volume_(*thread.volume),
        inode_(inode),
        first_(first),
        last_(last),
        left_(limit),
        mapped_(mapped),
        reached_(last) {}

  // Frees what it may in the tree at `place`, which covers [base, base + 1024^height). True: none of the range is left in it.
  bool remove(PageIndex& place, uint32_t height, uint64_t base) {
    if (place == PageIndex::kNone) return true;
    if (height == 0) return remove_data(place, base);
    RadixPage* radix = radix_page(volume_, place);
    if (!radix) return damaged(BT_DAMAGED(volume_));
    if (!remove_children(*radix, height - 1, base)) return false;
    bool whole = base >= first_ && base + (1ull << (kFanoutBits * height)) <= last_;
    if ((!whole || kept_) && has_children(*radix)) return true;
    return remove_page(place, [&](PageIndex page) { give_page(txn_, thread_, page); });
  }

  uint32_t data_pages() const { return data_pages_; }
  // A removal that goes on in another transaction need not come by the mapped pages again. At least one page is left to it,
  // for the radix pages on the way there.
  PageRemoval result(bool done) const {
    return {done, kept_, kept_ ? base::max(reached_, first_ + 1) : last_};
  }

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

  bool remove_data(PageIndex& place, uint64_t index) {
    PageDescriptor* descriptor = volume_.page_descriptor(place);
    if (!descriptor || descriptor->use != kPageData) return damaged(BT_DAMAGED(volume_));
    if (descriptor->pins && mapped_ != Mapped::kDetach) [[unlikely]]
      return mapped_ == Mapped::kClear && clear(place, index);
    bool good = true;
    if (!remove_page(place, [&](PageIndex page) { good = release(page, *descriptor).has_value(); }))
      return false;
    reached_ = index;
    data_pages_++;
    return good || damaged(error::volume_corrupt);
  }

  bool clear(PageIndex page, uint64_t index) {
    if (left_ == 0) return false;
    left_--;
    base::zero_user(volume_.page(page), kPageSizeBytes);
    kept_ = true;
    reached_ = index;
    return true;
  }

  // Frees a data page that its file has let go of, or detaches it when programs have it mapped.
  Result<void> release(PageIndex page, PageDescriptor& descriptor) {
    forget_dirty_page(volume_, descriptor);
    if (descriptor.pins == 0) [[likely]] {
      give_page(txn_, thread_, page);
      return {};
    }
    // The pool's lock keeps unpinners of a detached page out until this transaction has committed.
    BT_TRY(txn_.lock(volume_.superblock().free_pages.lock, shm::LockRank::kAllocator));
    PageDescriptor detached = descriptor;
    detached.owner = InodeIndex::kNone;
    detached.flags = static_cast<uint8_t>((detached.flags & ~kPageDirty) | kPageDetached);
    store_descriptor(txn_, descriptor, detached);
    return {};
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
  Mapped mapped_;
  uint64_t reached_;  // all pages of the range from here on are done
  bool kept_ = false;
  uint32_t data_pages_ = 0;
};

// Bytes beyond the end in the page that holds it, if programs see them. nullptr: none do.
char* mapped_tail(const Volume& volume, const InodeRecord& inode, uint64_t size) {
  if (size % kPageSizeBytes == 0) return nullptr;
  PageIndex page = find_page(volume, inode, size / kPageSizeBytes);
  const PageDescriptor* descriptor = volume.page_descriptor(page);
  if (!descriptor || descriptor->pins == 0) return nullptr;
  char* bytes = volume.page(page);
  return bytes ? bytes + size % kPageSizeBytes : nullptr;
}

// How far finish_shrinking has come in the file as it was then.
struct Progress {
  uint64_t change = UINT64_MAX;
  uint64_t last = kNoPage;
};

// One transaction of finish_shrinking. True: nothing is left to do.
Result<bool> shrink_some(Context& context, InodeNumber number, Progress& progress) {
  Thread& thread = context.thread;
  const Volume& volume = context.volume();
  InodeRecord& inode = *volume.inode(number.index());
  Transaction txn(thread);
  BT_TRY(txn.lock(inode.lock, shm::LockRank::kInode));
  if (inode.generation != number.generation()) return Error(ESTALE);
  if (!(inode.flags & kInodeShrinking)) return true;
  if (inode.change != progress.change) {
    progress = {inode.change, kNoPage};
    if (char* tail = mapped_tail(volume, inode, inode.size))
      base::zero_user(tail, kPageSizeBytes - inode.size % kPageSizeBytes);
  }
  PageRemoval removal =
      free_pages_between(txn, thread, inode, base::divide_up(inode.size, kPageSizeBytes),
                         progress.last, kPagesFreedAtOnce, Mapped::kClear);
  progress.last = removal.end;
  uint32_t flags = inode.flags;
  if (removal.kept) flags |= kInodeMappedBeyond;
  if (removal.done) flags &= ~kInodeShrinking;
  if (flags != inode.flags) txn.store(inode.flags, flags);
  txn.commit();
  return removal.done;
}

}  // namespace

PageRemoval free_pages_between(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                               uint64_t last, uint32_t limit, Mapped mapped) {
  PageRemoval nothing = {true, false, last};
  if (inode.root == PageIndex::kNone) return nothing;
  uint32_t height = inode.height;
  if (height > kRadixHeightMax) {
    (void)BT_DAMAGED(*thread.volume);
    return nothing;
  }
  if (first >= last || first >> (kFanoutBits * height)) return nothing;
  Remover remover(txn, thread, inode, first, last, limit, mapped);
  bool done = remover.remove(inode.root, height, 0);
  if (remover.data_pages()) txn.store(inode.page_count, inode.page_count - remover.data_pages());
  return remover.result(done);
}

bool free_pages_from(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t first,
                     uint32_t limit) {
  return free_pages_between(txn, thread, inode, first, kNoPage, limit).done;
}

void set_size(Transaction& txn, Thread& thread, InodeRecord& inode, uint64_t size) {
  const Volume& volume = *thread.volume;
  if (size > inode.size) {
    clear_uncovered(volume, inode, size);
    txn.store(inode.size, size);
    return;
  }
  if (size != inode.size) txn.store(inode.size, size);
  // Also when the size stays: truncate drops what fallocate put beyond the end, as on Linux.
  PageRemoval removal =
      free_pages_between(txn, thread, inode, base::divide_up(size, kPageSizeBytes), kNoPage,
                         kPagesFreedAtOnce, Mapped::kStop);
  bool done = removal.done && !mapped_tail(volume, inode, size);
  uint32_t flags = inode.flags & ~(kInodeShrinking | kInodeMappedBeyond);
  if (!done) flags = inode.flags | kInodeShrinking;
  if (flags != inode.flags) txn.store(inode.flags, flags);
}

Result<void> finish_shrinking(Context& context, InodeNumber number) {
  Thread& thread = context.thread;
  InodeRecord* inode = context.volume().inode(number.index());
  if (!inode) return Error(ESTALE);
  if (!(__atomic_load_n(&inode->flags, __ATOMIC_RELAXED) & kInodeShrinking)) return {};
  Housekeeping housekeeping(thread);
  Progress progress;
  for (bool done = false; !done;) {
    BT_TRY_ASSIGN(done, shrink_some(context, number, progress));
    settle(thread);
  }
  return {};
}

}  // namespace bt::engine
