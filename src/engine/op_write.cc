// SPDX-License-Identifier: MIT
// Writing. A whole page is never changed in place: its new bytes are put into a free page of this thread's slot – before
// any lock is taken, so that bad or slow program memory costs nobody anything – and the transaction swaps the two. Hence a
// killed writer leaves each page as it was or as it was to be, and a write up to kPagesWrittenAtOnce pages whole or not at
// all. Small writes within one page are logged word by word instead (twice as fast, up to kLoggedBytesMax), and bytes beyond
// the end need no log, for nobody sees them until the size moves, in the same transaction.
//
//   steps of a page write      killed after it
//   1 fill staged pages        they are still free
//   2 lock, take the pages     rolled back
//   3 swap, size, times        rolled back
//   4 commit                   the write stands
//
// Exceptions, where bytes are changed in place without a log: pages that programs have mapped (they must see the change),
// and none else. With no free page left, an existing page is rewritten in logged pieces of kBounceBytes.
#include "engine/data.h"

#include <sys/stat.h>

#include "base/plant.h"
#include "engine/cached.h"
#include "engine/data_pieces.h"
#include "engine/file_pages_internal.h"
#include "engine/inode_times.h"
#include "engine/kernel_pages.h"
#include "engine/origin.h"
#include "engine/permissions.h"

namespace bt::engine {

namespace {

constexpr uint64_t kBounceBytes = 1024;
constexpr uint64_t kLoggedBytesMax = 256;
constexpr uint32_t kReplansMax = 10000;

// How one step of a write ended, errors apart.
enum class Step : uint8_t {
  kDone,
  kReplan,      // the file is not what it was when the step was planned
  kNeedsPages,  // not a small write after all
};

class Writer {
 public:
  Writer(Context& context, InodeRecord& inode, InodeNumber number, bool append)
      : context_(context),
        thread_(context.thread),
        volume_(context.volume()),
        inode_(inode),
        number_(number),
        append_(append),
        origin_(context.volume().origin() != nullptr) {}

  // Writes up to `size` bytes from `source` at `at` (append: where the file ends now, `at` being a guess), moves source on
  // and tells how many in written().
  Result<Step> write_some(uint64_t at, uint64_t size, PieceCursor& source);
  uint64_t written() const { return written_; }

 private:
  Result<Step> write_small(uint64_t at, uint64_t size, PieceCursor& source, uint64_t logged_max);
  Result<Step> write_pages(uint64_t at, uint64_t size, PieceCursor& source);
  Result<Step> write_without_pages(uint64_t at, uint64_t size, PieceCursor& source);

  Result<bool> lock_file(Transaction& txn, uint64_t at);
  bool is_small(uint64_t at, uint64_t size) const;
  Result<uint64_t> stage(uint64_t at, uint64_t size, PieceCursor& source);
  Result<void> link_pages(Transaction& txn, uint64_t at, uint64_t size, uint32_t radix_pages);
  Result<void> link_page(Transaction& txn, PageIndex fresh, uint64_t index, uint64_t at,
                         uint64_t end, uint32_t& added);
  Result<void> finish(Transaction& txn, uint64_t at, uint64_t size, int64_t now);

  Context& context_;
  Thread& thread_;
  const Volume& volume_;
  InodeRecord& inode_;
  InodeNumber number_;
  bool append_;
  bool origin_;  // pages are a cache of a source's
  uint64_t written_ = 0;
  PageIndex staged_[kPagesWrittenAtOnce];
};

// Takes the lock and looks whether the plan still holds.
[[gnu::always_inline]] inline Result<bool> Writer::lock_file(Transaction& txn, uint64_t at) {
  BT_TRY(txn.lock(inode_.lock, shm::LockRank::kInode));
  if (inode_.generation != number_.generation() || inode_.mode == 0) return Error(ESTALE);
  if (inode_.flags & (kInodeShrinking | kInodeKernelPages)) [[unlikely]] {
    if (inode_.flags & kInodeShrinking) return false;
    if (is_left_to_kernel(thread_, inode_, kInodeKernelPages)) return error::kernel_has_pages;
  }
  return !append_ || inode_.size == at;
}

// What a write changes besides bytes. `now` was read before the lock was taken.
[[gnu::always_inline]] inline Result<void> Writer::finish(Transaction& txn, uint64_t at,
                                                          uint64_t size, int64_t now) {
  drop_privileges(txn, context_.credentials, inode_);
  if (at + size > inode_.size) txn.store(inode_.size, at + size);
  mark_modified(txn, inode_, now);
  // A FUSE request that is resent after the worker's death goes on behind what this transaction wrote.
  SlotRecord& slot = *thread_.slot;
  if (thread_.request) [[unlikely]]
    txn.store(slot.stamp_result, slot.stamp_result + size);
  if (!origin_) [[likely]]
    return {};
  return note_dirty(txn, thread_, inode_, number_.index(), at / kPageSizeBytes,
                    (at + size - 1) / kPageSizeBytes);
}

// ---- small writes ---------------------------------------------------------------------------------------------------------

// A guess without the lock: within one page, which the file has unless it is a hole, and few bytes that need a log.
bool Writer::is_small(uint64_t at, uint64_t size) const {
  uint64_t in_page = at % kPageSizeBytes;
  uint64_t file_size = __atomic_load_n(&inode_.size, __ATOMIC_RELAXED);
  if (size > kBounceBytes || in_page + size > kPageSizeBytes || at - in_page >= file_size)
    return false;
  return size <= kLoggedBytesMax || at + kLoggedBytesMax >= file_size;
}

// Bytes are logged as the words they lie in, since the log knows nothing smaller.
void store_bytes(Transaction& txn, char* place, const char* bytes, uint64_t size) {
  if (size == 0) return;
  uint64_t in_word = reinterpret_cast<uint64_t>(place) & 7;
  auto* words = reinterpret_cast<uint64_t*>(place - in_word);
  if (txn.log_words(words, (in_word + size + 7) / 8)) [[likely]]
    base::copy_from_user(place, bytes, size);
}

Result<Step> Writer::write_small(uint64_t at, uint64_t size, PieceCursor& source,
                                 uint64_t logged_max) {
  char bounce[kBounceBytes];
  PieceCursor after = source;
  if (!after.copy_from(bounce, size)) return Error(EFAULT);

  int64_t now = clock_now_ns(thread_);
  Transaction txn(thread_);
  BT_TRY_ASSIGN(bool holds, lock_file(txn, at));
  if (!holds) return Step::kReplan;
  uint64_t in_page = at % kPageSizeBytes, old_size = inode_.size;
  PageIndex page = find_page(volume_, inode_, at / kPageSizeBytes);
  // Whole pages beyond the end stay zeros until a transaction makes them part of the file.
  if (page == PageIndex::kNone || at - in_page >= old_size) return Step::kNeedsPages;
  char* bytes = volume_.page(page);
  PageDescriptor* descriptor = volume_.page_descriptor(page);
  if (!bytes || !descriptor) return BT_DAMAGED(volume_);

  uint64_t below = at < old_size ? base::min(size, old_size - at) : 0;
  if (below > logged_max) return Step::kNeedsPages;
  if (at > old_size) clear_uncovered(volume_, inode_, at);
  if (descriptor->pins) below = 0;
  store_bytes(txn, bytes + in_page, bounce, below);
  base::copy_from_user(bytes + in_page + below, bounce + below, size - below);
  BT_TRY(finish(txn, at, size, now));
  txn.commit();
  source = after;
  written_ = size;
  return Step::kDone;
}

// ---- page writes ----------------------------------------------------------------------------------------------------------

// Fills the pages that take_page is going to hand out. How many bytes fitted or could be read; EFAULT for none.
Result<uint64_t> Writer::stage(uint64_t at, uint64_t size, PieceCursor& source) {
  PageIndex page = thread_.slot->free.pages;
  uint64_t done = 0;
  for (uint32_t k = 0; done < size; k++) {
    char* bytes = volume_.page(page);
    PageDescriptor* descriptor = volume_.page_descriptor(page);
    if (!bytes || !descriptor) return BT_DAMAGED(volume_);
    staged_[k] = page;
    base::touch(bytes);
    uint64_t in_page = (at + done) % kPageSizeBytes;
    uint64_t part = base::min(size - done, kPageSizeBytes - in_page);
    if (!source.copy_from(bytes + in_page, part)) {
      if (done == 0) return Error(EFAULT);
      break;
    }
    done += part;
    page = descriptor->next;
  }
  return done;
}

// Completes a staged page around the written bytes [from, to): old bytes where the file has some, else zeros.
void complete_page(char* fresh, const char* old, uint64_t old_bytes, uint64_t from, uint64_t to) {
  uint64_t head = base::min(from, old_bytes);
  if (head) base::copy_from_user(fresh, old, head);
  if (from > head) base::zero_user(fresh + head, from - head);
  uint64_t tail = base::max(to, old_bytes);
  if (tail > to) base::copy_from_user(fresh + to, old + to, tail - to);
  if (tail < kPageSizeBytes) base::zero_user(fresh + tail, kPageSizeBytes - tail);
}

Result<void> Writer::link_page(Transaction& txn, PageIndex fresh, uint64_t index, uint64_t at,
                               uint64_t end, uint32_t& added) {
  BT_TRY_ASSIGN(PageIndex * place, make_place(txn, thread_, number_.index(), inode_, index));
  PageIndex old = *place;
  char* fresh_bytes = volume_.page(fresh);
  char* old_bytes = volume_.page(old);
  PageDescriptor* descriptor = volume_.page_descriptor(old);
  if (old != PageIndex::kNone && (!old_bytes || !descriptor)) return BT_DAMAGED(volume_);

  uint64_t start = index * kPageSizeBytes;
  uint64_t from = at > start ? at - start : 0, to = base::min(end - start, kPageSizeBytes);
  uint64_t valid =
      old_bytes && inode_.size > start ? base::min(inode_.size - start, kPageSizeBytes) : 0;
  if (origin_ && old == PageIndex::kNone && !is_all_here(inode_) && inode_.size > start)
      [[unlikely]] {
    // What is not written of the page is the source's to tell.
    bool covered = from == 0 && start + to >= base::min(inode_.size, start + kPageSizeBytes);
    if (!covered) return error::page_not_here;
  }
  complete_page(fresh_bytes, old_bytes, valid, from, to);
  if (descriptor && (descriptor->pins || BT_PLANT(page_overwritten_in_place))) {
    base::copy_from_user(old_bytes, fresh_bytes, kPageSizeBytes);
    give_page(txn, thread_, fresh);
    return {};
  }
  store_place(txn, inode_, *place, fresh);
  if (old == PageIndex::kNone) {
    added++;
    return {};
  }
  if (origin_) [[unlikely]]
    hand_on_dirty(volume_, *descriptor, fresh);
  give_page(txn, thread_, old);
  return {};
}

Result<void> Writer::link_pages(Transaction& txn, uint64_t at, uint64_t size,
                                uint32_t radix_pages) {
  if (BT_PLANT(size_before_data)) inode_.size = base::max(inode_.size, at + size);
  uint64_t first = at / kPageSizeBytes, end = at + size;
  auto count = static_cast<uint32_t>((end - 1) / kPageSizeBytes - first + 1);
  for (uint32_t k = 0; k < count; k++) {
    PageIndex page =
        take_page(txn, thread_, number_.index(), static_cast<uint32_t>(first + k), kPageData);
    if (page != staged_[k]) return BT_DAMAGED(volume_);
  }
  // All radix pages before any page is given back: what a transaction gave it must not take.
  for (uint64_t index = first + count; radix_pages > 0 && index-- > first;)
    BT_TRY(make_place(txn, thread_, number_.index(), inode_, index));
  if (at > inode_.size) clear_uncovered(volume_, inode_, at);
  uint32_t added = 0;
  for (uint32_t k = 0; k < count; k++)
    BT_TRY(link_page(txn, staged_[k], first + k, at, end, added));
  if (added) txn.store(inode_.page_count, inode_.page_count + added);
  return {};
}

Result<Step> Writer::write_pages(uint64_t at, uint64_t size, PieceCursor& source) {
  uint64_t first = at / kPageSizeBytes, last = (at + size - 1) / kPageSizeBytes;
  uint32_t radix_pages = count_missing_radix_pages(volume_, inode_, first, last);
  Needs needs;
  needs.pages = static_cast<uint32_t>(last - first + 1) + radix_pages;
  if (auto ready = prepare(thread_, needs); !ready) {
    if (ready.error().errno_value() != ENOSPC) return ready.error();
    if (first == last) return write_without_pages(at, size, source);
    // Half as much may fit; a short write says how much did.
    uint64_t pages = (last - first + 1) / 2;
    return write_pages(at, (first + pages) * kPageSizeBytes - at, source);
  }
  PieceCursor after = source;
  BT_TRY_ASSIGN(uint64_t staged, stage(at, size, after));
  if (staged < size) {
    // A fault on the way: what came before it is written, and the next call meets it again.
    after = source;
    BT_TRY_ASSIGN(staged, stage(at, staged, after));
  }
  int64_t now = clock_now_ns(thread_);
  {
    Transaction txn(thread_);
    BT_TRY_ASSIGN(bool holds, lock_file(txn, at));
    if (!holds || count_missing_radix_pages(volume_, inode_, first, last) > radix_pages)
      return Step::kReplan;
    BT_TRY(link_pages(txn, at, staged, radix_pages));
    BT_TRY(finish(txn, at, staged, now));
    txn.commit();
  }
  settle(thread_);
  source = after;
  written_ = staged;
  return Step::kDone;
}

// The volume is full: bytes can still replace bytes.
Result<Step> Writer::write_without_pages(uint64_t at, uint64_t size, PieceCursor& source) {
  if (find_page(volume_, inode_, at / kPageSizeBytes) == PageIndex::kNone) return Error(ENOSPC);
  auto step = write_small(at, base::min(size, kBounceBytes), source, kBounceBytes);
  if (step && *step == Step::kNeedsPages) return Error(ENOSPC);
  return step;
}

[[gnu::always_inline]] inline Result<Step> Writer::write_some(uint64_t at, uint64_t size,
                                                              PieceCursor& source) {
  if (__atomic_load_n(&inode_.flags, __ATOMIC_RELAXED) & kInodeShrinking) [[unlikely]]
    BT_TRY(finish_shrinking(context_, number_));
  if (is_small(at, size)) {
    auto step = write_small(at, size, source, kLoggedBytesMax);
    if (!step || *step != Step::kNeedsPages) return step;
  }
  return write_pages(
      at, base::min(size, kPagesWrittenAtOnce * kPageSizeBytes - at % kPageSizeBytes), source);
}

// ---- files of an origin -----------------------------------------------------------------------------------------------------

// A failed write-back is told once, by the next write.
Result<void> prepare_cached_write(Context& context, InodeNumber number) {
  BT_TRY(require_rights(context, number));
  BT_TRY_ASSIGN(int32_t failure, take_write_error(context, number));
  if (failure) return Error(failure);
  return {};
}

// Brings the first and the last page of a write, which it may cover only in part.
Result<Step> fill_edges(Context& context, const OriginTable& origin, InodeNumber number,
                        uint64_t at, uint64_t size) {
  uint64_t first = at / kPageSizeBytes, last = (at + size - 1) / kPageSizeBytes;
  BT_TRY(origin.fill_pages(context, number, first, 1));
  if (last != first) BT_TRY(origin.fill_pages(context, number, last, 1));
  return Step::kReplan;
}

// Who makes pages dirty faster than they are written back pushes his own; with no allowance, each write does.
Result<void> throttle(Context& context, const OriginTable& origin, InodeNumber number) {
  const Superblock& superblock = context.volume().superblock();
  uint64_t dirty = __atomic_load_n(&superblock.dirty_pages, __ATOMIC_RELAXED);
  uint32_t limit = __atomic_load_n(&superblock.dirty_pages_max, __ATOMIC_RELAXED);
  if (dirty <= limit) return {};
  return origin.flush(context, number, false);
}

// ---- the whole of a write ----------------------------------------------------------------------------------------------------

[[gnu::always_inline]] inline Result<InodeRecord*> find_writable(const Volume& volume,
                                                                 InodeNumber number) {
  InodeRecord* inode = volume.inode(number.index());
  if (!inode) return Error(ESTALE);
  uint32_t mode = __atomic_load_n(&inode->mode, __ATOMIC_RELAXED);
  if (S_ISREG(mode)) [[likely]] {
    if (volume.is_read_only()) return Error(EROFS);
    return inode;
  }
  if (mode == 0) return Error(ESTALE);
  return Error(S_ISDIR(mode) ? EISDIR : EINVAL);
}

// write and write_source are this; calls and their results by memory are a good part of what a small write costs.
[[gnu::always_inline]] inline Result<uint64_t> write_all(Context& context, InodeNumber number,
                                                         uint64_t offset, PieceCursor source,
                                                         uint64_t total,
                                                         const WriteOptions& options,
                                                         uint64_t& end) {
  const OriginTable* origin = origin_of(context);
  if (origin) [[unlikely]]
    BT_TRY(prepare_cached_write(context, number));
  BT_TRY_ASSIGN(InodeRecord * inode, find_writable(context.volume(), number));
  Writer writer(context, *inode, number, options.append);
  uint64_t limit = base::min(options.size_limit, kFileSizeMax);
  uint64_t done = 0;
  uint32_t replans = 0;
  end = options.append ? __atomic_load_n(&inode->size, __ATOMIC_RELAXED) : offset;
  while (done < total) {
    uint64_t at = options.append ? __atomic_load_n(&inode->size, __ATOMIC_RELAXED) : offset + done;
    Result<Step> step = Error(EFBIG);
    if (at < limit) step = writer.write_some(at, base::min(total - done, limit - at), source);
    if (!step && step.error() == error::page_not_here && origin && ++replans < kReplansMax) {
      uint64_t size = base::min(total - done, kPagesWrittenAtOnce * kPageSizeBytes);
      step = fill_edges(context, *origin, number, at, size);
    }
    if (!step) {
      if (done == 0) return step.error();
      break;
    }
    if (*step == Step::kReplan) {
      if (++replans == kReplansMax) return Error(EIO);
      continue;
    }
    done += writer.written();
    end = at + writer.written();
  }
  if (origin) [[unlikely]]
    BT_TRY(throttle(context, *origin, number));
  return done;
}

}  // namespace

Result<InodeRecord*> writable_file(const Volume& volume, InodeNumber number) {
  return find_writable(volume, number);
}

Result<uint64_t> write_source(Context& context, InodeNumber number, uint64_t offset,
                              PieceCursor source, uint64_t total, const WriteOptions& options,
                              uint64_t& end) {
  return write_all(context, number, offset, source, total, options, end);
}

Result<uint64_t> write(Context& context, InodeNumber number, uint64_t offset, const Piece* pieces,
                       uint32_t piece_count, const WriteOptions& options, uint64_t& end) {
  BT_TRY_ASSIGN(uint64_t total, total_size(pieces, piece_count, options.append ? 0 : offset));
  return write_all(context, number, offset, PieceCursor(pieces, piece_count), total, options, end);
}

}  // namespace bt::engine
