// SPDX-License-Identifier: MIT
// fallocate. Long ranges go in bounded transactions, each of which leaves a file that reads as it did before or as it will
// afterwards, page by page; the size moves last. Whole pages are freed or added; the parts of pages at the edges of a hole
// are written as zeros. Pages that allocation adds are cleared before any lock is taken. Pages that programs have mapped stay
// at their places: they are cleared or copied instead of freed or moved.
#include "engine/data.h"

#include <linux/falloc.h>
#include <sys/stat.h>

#include "engine/data_pieces.h"
#include "engine/file_pages_internal.h"
#include "engine/inode_times.h"
#include "engine/kernel_pages.h"
#include "engine/origin.h"
#include "engine/permissions.h"

namespace bt::engine {

namespace {

struct Range {
  uint64_t offset, end;  // bytes; end is exclusive
  uint64_t first() const { return offset / kPageSizeBytes; }
  uint64_t last() const { return base::divide_up(end, kPageSizeBytes); }  // exclusive
};

class RangeAllocator {
 public:
  RangeAllocator(Context& context, InodeRecord& inode, InodeNumber number)
      : context_(context),
        thread_(context.thread),
        volume_(context.volume()),
        inode_(inode),
        number_(number) {}

  Result<void> fill_holes(const Range& range);
  Result<void> make_hole(const Range& range);
  // The last step: the size (grown to `size_min`), the mode and the times.
  Result<void> finish(uint64_t size_min);
  // Moves the pages of the file from page `from` on by `by` pages, down (collapse) or up (insert), and the size with them.
  Result<void> collapse(uint64_t from, uint64_t by);
  Result<void> insert(uint64_t from, uint64_t by);

 private:
  Result<void> lock_file(Transaction& txn);
  Result<void> fill_run(uint64_t first, uint32_t count);
  Result<void> write_zeros(uint64_t offset, uint64_t end);
  Result<void> free_pages(uint64_t first, uint64_t last);
  Result<void> move_page(uint64_t from, uint64_t to);
  Result<void> copy_page(uint64_t from, uint64_t to);
  bool is_mapped(PageIndex page) const {
    const PageDescriptor* descriptor = volume_.page_descriptor(page);
    return descriptor && descriptor->pins;
  }

  Context& context_;
  Thread& thread_;
  const Volume& volume_;
  InodeRecord& inode_;
  InodeNumber number_;
};

Result<void> RangeAllocator::lock_file(Transaction& txn) {
  BT_TRY(txn.lock(inode_.lock, shm::LockRank::kInode));
  if (inode_.generation != number_.generation() || inode_.mode == 0) return Error(ESTALE);
  return {};
}

// Adds pages of zeros to the holes among `count` pages from `first` on.
Result<void> RangeAllocator::fill_run(uint64_t first, uint32_t count) {
  uint32_t radix_pages = count_missing_radix_pages(volume_, inode_, first, first + count - 1);
  Needs needs;
  needs.pages = count + radix_pages;
  BT_TRY(prepare(thread_, needs));
  PageIndex page = thread_.slot->free.pages;
  for (uint32_t k = 0; k < count; k++) {
    char* bytes = volume_.page(page);
    if (!bytes) return BT_DAMAGED(volume_);
    base::zero_user(bytes, kPageSizeBytes);
    page = volume_.page_descriptor(page)->next;
  }
  Transaction txn(thread_);
  BT_TRY(lock_file(txn));
  if (inode_.flags & kInodeShrinking) return {};  // the caller comes again
  if (count_missing_radix_pages(volume_, inode_, first, first + count - 1) > radix_pages) return {};
  PageIndex fresh[kPagesWrittenAtOnce];
  for (uint32_t k = 0; k < count; k++)
    fresh[k] =
        take_page(txn, thread_, number_.index(), static_cast<uint32_t>(first + k), kPageData);
  uint32_t added = 0;
  for (uint32_t k = 0; k < count; k++) {
    BT_TRY_ASSIGN(PageIndex * place, make_place(txn, thread_, number_.index(), inode_, first + k));
    if (*place != PageIndex::kNone) {
      give_page(txn, thread_, fresh[k]);
      continue;
    }
    store_place(txn, inode_, *place, fresh[k]);
    added++;
  }
  txn.store(inode_.page_count, inode_.page_count + added);
  txn.commit();
  return {};
}

Result<void> RangeAllocator::fill_holes(const Range& range) {
  uint64_t last = range.last();
  for (uint64_t index = range.first(); index < last;) {
    BT_TRY(finish_shrinking(context_, number_));
    PageRun run = find_run(volume_, inode_, index, last - index);
    if (run.page == PageIndex::kNone)
      BT_TRY(fill_run(index,
                      static_cast<uint32_t>(base::min<uint64_t>(run.count, kPagesWrittenAtOnce))));
    else
      index += run.count;
  }
  return {};
}

Result<void> RangeAllocator::write_zeros(uint64_t offset, uint64_t end) {
  end = base::min(end, __atomic_load_n(&inode_.size, __ATOMIC_RELAXED));
  if (offset >= end || find_page(volume_, inode_, offset / kPageSizeBytes) == PageIndex::kNone)
    return {};
  while (offset < end) {
    uint64_t after;
    BT_TRY_ASSIGN(uint64_t done, write_source(context_, number_, offset, PieceCursor::zeros(),
                                              end - offset, {}, after));
    if (done == 0) return Error(ENOSPC);
    offset += done;
  }
  return {};
}

Result<void> RangeAllocator::free_pages(uint64_t first, uint64_t last) {
  for (bool done = first >= last; !done;) {
    {
      Transaction txn(thread_);
      BT_TRY(lock_file(txn));
      PageRemoval removal =
          free_pages_between(txn, thread_, inode_, first, last, kPagesFreedAtOnce, Mapped::kClear);
      txn.commit();
      done = removal.done;
      last = removal.end;
    }
    settle(thread_);
  }
  return {};
}

Result<void> RangeAllocator::make_hole(const Range& range) {
  uint64_t first = base::align_up(range.offset, kPageSizeBytes),
           last = base::align_down(range.end, kPageSizeBytes);
  if (first > last) return write_zeros(range.offset, range.end);  // within one page
  BT_TRY(write_zeros(range.offset, first));
  BT_TRY(free_pages(first / kPageSizeBytes, last / kPageSizeBytes));
  return write_zeros(last, range.end);
}

Result<void> RangeAllocator::finish(uint64_t size_min) {
  BT_TRY(finish_shrinking(context_, number_));
  Transaction txn(thread_);
  BT_TRY(lock_file(txn));
  if (size_min > inode_.size) {
    clear_uncovered(volume_, inode_, size_min);
    txn.store(inode_.size, size_min);
  }
  drop_privileges(txn, context_.credentials, inode_);
  mark_modified(txn, inode_, clock_now_ns(thread_));
  txn.commit();
  return {};
}

// The bytes go where the page cannot. The pin keeps the page meanwhile, whatever others do to the file.
Result<void> RangeAllocator::copy_page(uint64_t from, uint64_t to) {
  BT_TRY_ASSIGN(PageIndex page, pin_page(context_, number_, from, false));
  if (page == PageIndex::kNone) return {};
  uint64_t at = to * kPageSizeBytes, size = __atomic_load_n(&inode_.size, __ATOMIC_RELAXED);
  Piece piece{volume_.page(page), at < size ? base::min(size - at, kPageSizeBytes) : 0};
  uint64_t end;
  auto copied = write(context_, number_, at, &piece, 1, {}, end);
  BT_TRY(unpin_page(context_, page));
  if (!copied) return copied.error();
  return *copied == piece.size ? free_pages(from, from + 1) : Result<void>(Error(ENOSPC));
}

// Page `from` becomes page `to` (a hole, or mapped zeros); a hole moves by doing nothing.
Result<void> RangeAllocator::move_page(uint64_t from, uint64_t to) {
  PageIndex page = find_page(volume_, inode_, from);
  if (page == PageIndex::kNone) return {};
  if (is_mapped(page) || is_mapped(find_page(volume_, inode_, to))) return copy_page(from, to);
  Needs needs;
  needs.pages = count_missing_radix_pages(volume_, inode_, to, to);
  BT_TRY(prepare(thread_, needs));
  Transaction txn(thread_);
  BT_TRY(lock_file(txn));
  if (count_missing_radix_pages(volume_, inode_, to, to) > needs.pages) return Error(EAGAIN);
  // The target first: making it may put new roots above the source.
  BT_TRY_ASSIGN(PageIndex * target, make_place(txn, thread_, number_.index(), inode_, to));
  BT_TRY_ASSIGN(PageIndex * source, make_place(txn, thread_, number_.index(), inode_, from));
  PageDescriptor* descriptor = volume_.page_descriptor(*source);
  if (!descriptor || *target != PageIndex::kNone) return Error(EAGAIN);
  PageDescriptor moved = *descriptor;
  moved.index = static_cast<uint32_t>(to);
  store_descriptor(txn, *descriptor, moved);
  store_place(txn, inode_, *target, *source);
  store_place(txn, inode_, *source, PageIndex::kNone);
  txn.commit();
  return {};
}

Result<void> RangeAllocator::collapse(uint64_t from, uint64_t by) {
  BT_TRY(free_pages(from, from + by));
  uint64_t last = base::divide_up(inode_.size, kPageSizeBytes);
  for (uint64_t index = from + by; index < last;) {
    PageRun run = find_run(volume_, inode_, index, last - index);
    if (run.page != PageIndex::kNone)
      for (uint64_t i = index; i < index + run.count; i++) BT_TRY(move_page(i, i - by));
    index += run.count;
  }
  Transaction txn(thread_);
  BT_TRY(lock_file(txn));
  if (inode_.size < by * kPageSizeBytes) return Error(EAGAIN);
  set_size(txn, thread_, inode_, inode_.size - by * kPageSizeBytes);
  drop_privileges(txn, context_.credentials, inode_);
  mark_modified(txn, inode_, clock_now_ns(thread_));
  txn.commit();
  return finish_shrinking(context_, number_);
}

Result<void> RangeAllocator::insert(uint64_t from, uint64_t by) {
  BT_TRY(finish_shrinking(context_, number_));
  uint64_t last = base::divide_up(inode_.size, kPageSizeBytes);
  BT_TRY(free_pages(last, last + by));
  BT_TRY(finish(inode_.size + by * kPageSizeBytes));
  for (uint64_t index = last; index > from; index--) BT_TRY(move_page(index - 1, index - 1 + by));
  return {};
}

Result<void> check_mode(uint32_t mode) {
  switch (mode) {
    case 0:
    case FALLOC_FL_KEEP_SIZE:
    case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
    case FALLOC_FL_COLLAPSE_RANGE:
    case FALLOC_FL_INSERT_RANGE:
      return {};
    default:
      return Error(EOPNOTSUPP);
  }
}

// What collapse and insert ask beyond the rest, as ext4 has it.
Result<void> check_shift(uint32_t mode, const Range& range, uint64_t file_size) {
  if ((range.offset | range.end) % kPageSizeBytes) return Error(EINVAL);
  if (mode == FALLOC_FL_COLLAPSE_RANGE)
    return range.end >= file_size ? Result<void>(Error(EINVAL)) : Result<void>();
  if (range.offset >= file_size) return Error(EINVAL);
  if (file_size + (range.end - range.offset) > kFileSizeMax) return Error(EFBIG);
  return {};
}

}  // namespace

Result<void> allocate_range(Context& context, InodeNumber number, uint32_t mode, uint64_t offset,
                            uint64_t size, uint64_t size_limit) {
  if (is_left_to_kernel(context, number, kInodeKernelPages)) return error::kernel_has_pages;
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->allocate_range(context, number, mode, offset, size);
  if (size == 0 || offset > INT64_MAX || size > INT64_MAX) return Error(EINVAL);
  BT_TRY(check_mode(mode));
  BT_TRY_ASSIGN(InodeRecord * inode, writable_file(context.volume(), number));
  Range range{offset, offset + size};
  uint64_t file_size = __atomic_load_n(&inode->size, __ATOMIC_RELAXED);
  if (range.end > kFileSizeMax) return Error(EFBIG);
  bool keep = mode & FALLOC_FL_KEEP_SIZE;
  if (!keep && range.end > file_size && range.end > size_limit) return Error(EFBIG);

  RangeAllocator allocator(context, *inode, number);
  uint64_t by = size / kPageSizeBytes;
  if (mode == FALLOC_FL_COLLAPSE_RANGE || mode == FALLOC_FL_INSERT_RANGE) {
    BT_TRY(check_shift(mode, range, file_size));
    return mode == FALLOC_FL_COLLAPSE_RANGE ? allocator.collapse(range.first(), by)
                                            : allocator.insert(range.first(), by);
  }
  if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) BT_TRY(allocator.make_hole(range));
  if (!(mode & FALLOC_FL_PUNCH_HOLE)) {
    uint64_t held = base::min(inode->page_count, range.last() - range.first());
    if (range.last() - range.first() - held > measure_space(context.volume()).pages_free)
      return Error(ENOSPC);
    BT_TRY(allocator.fill_holes(range));
  }
  return allocator.finish(keep ? 0 : range.end);
}

}  // namespace bt::engine
