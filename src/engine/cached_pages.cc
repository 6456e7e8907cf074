// SPDX-License-Identifier: MIT
// Pages that are copies of a source's, and those that are newer than the source's.
#include "base/user_copy.h"
#include "engine/cached.h"
#include "engine/clock.h"
#include "engine/file_pages.h"
#include "engine/file_pages_internal.h"
#include "engine/inode_lock.h"

namespace bt::engine {
namespace {

constexpr uint64_t kFillLogMax = 8;  // entries of the undo log that one page takes at most

uint64_t pages_of(const InodeRecord& inode) { return base::divide_up(inode.size, kPageSizeBytes); }

// Flags are no part of the undo log: one too many costs a write-back, and none is ever cleared before the source has the
// page. They share a word with `pins`, which changes under the same lock.
void set_flags(PageDescriptor& descriptor, uint8_t set, uint8_t clear) {
  // Readers mark visits without the lock.
  if (clear) __atomic_fetch_and(&descriptor.flags, static_cast<uint8_t>(~clear), __ATOMIC_RELAXED);
  if (set) __atomic_fetch_or(&descriptor.flags, set, __ATOMIC_RELAXED);
}

// Calls use(page index of the file, page, descriptor) for the pages of [from, to) that are here, until it returns false.
template <typename Use>
Result<void> for_pages(const Volume& volume, const InodeRecord& inode, uint64_t from, uint64_t to,
                       Use use) {
  for (uint64_t index = from; index < to;) {
    PageRun run = find_run(volume, inode, index, to - index);
    if (run.page == PageIndex::kNone) {
      index += base::max<uint64_t>(run.count, 1);
      continue;
    }
    for (uint64_t i = 0; i < run.count; i++, index++) {
      PageIndex page{static_cast<uint32_t>(raw(run.page) + i)};
      PageDescriptor* descriptor = volume.page_descriptor(page);
      if (!descriptor) return BT_DAMAGED(volume);
      if (!use(index, page, *descriptor)) return {};
    }
  }
  return {};
}

}  // namespace

namespace {

// The file lost a page not long ago, before it was asked for again: what comes back was thrown out too early.
bool comes_back(const Superblock& superblock, const InodeRecord& inode) {
  uint32_t then = load_relaxed(inode.cached.evicted_at);
  return then &&
         load_relaxed(superblock.evictions) - then < load_relaxed(superblock.cache_pages_max);
}

// Precondition: the inode's lock. The stamp is a hint, and not logged.
void note_evictions(Superblock& superblock, InodeRecord& inode, uint64_t count, bool on_probation) {
  auto pages = static_cast<uint32_t>(count);
  uint32_t now = __atomic_add_fetch(&superblock.evictions, pages, __ATOMIC_RELAXED);
  if (on_probation) inode.cached.evicted_at = now ? now : 1;
}

}  // namespace

Result<void> put_pages(Context& context, InodeNumber inode, uint64_t change, uint64_t first,
                       uint32_t count, const char* bytes) {
  Thread& thread = context.thread;
  Volume& volume = context.volume();
  static_assert(kCachedPagesAtOnce * kFillLogMax < kLogMax);
  BT_TRY_ASSIGN(InodeRecord * seen, inode_record(volume, inode));
  Needs needs;
  needs.pages = count + count_missing_radix_pages(volume, *seen, first, first + count - 1);
  BT_TRY(prepare(thread, needs));
  {
    Transaction txn(thread);
    BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
    if (record->change != change) return Error(EAGAIN);
    if (count_missing_radix_pages(volume, *record, first, first + count - 1) + count > needs.pages)
      return Error(EAGAIN);
    uint64_t end = base::min(first + count, pages_of(*record));
    uint64_t added = 0;
    bool on_probation = !comes_back(volume.superblock(), *record);
    for (uint64_t index = first; index < end; index++) {
      BT_TRY_ASSIGN(PageIndex * place, make_place(txn, thread, inode.index(), *record, index));
      if (*place != PageIndex::kNone) continue;
      PageIndex page =
          take_page(txn, thread, inode.index(), static_cast<uint32_t>(index), kPageData);
      char* to = volume.page(page);
      if (!to) return BT_DAMAGED(volume);
      base::touch(to);
      base::copy_from_user(to, bytes + (index - first) * kPageSizeBytes, kPageSizeBytes);
      PageDescriptor* descriptor = volume.page_descriptor(page);
      if (descriptor && on_probation) set_flags(*descriptor, kPageProbation, 0);
      store_place(txn, *record, *place, page);
      added++;
    }
    if (added) txn.store(record->page_count, record->page_count + added);
    if (on_probation)
      __atomic_add_fetch(&volume.superblock().probation_pages, static_cast<uint32_t>(added),
                         __ATOMIC_RELAXED);
    txn.commit();
  }
  settle(thread);
  return {};
}

namespace {

// The count is not exact where processes died; it never falls below nothing, which would be beyond every allowance.
void subtract_dirty(Superblock& superblock, uint64_t count) {
  if (count == 0) return;
  uint64_t seen = load_relaxed(superblock.dirty_pages);
  while (!__atomic_compare_exchange_n(&superblock.dirty_pages, &seen, seen - base::min(seen, count),
                                      true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

}  // namespace

void hand_on_dirty(const Volume& volume, const PageDescriptor& old, PageIndex fresh) {
  PageDescriptor* descriptor = volume.page_descriptor(fresh);
  if (descriptor && (old.flags & kPageDirty)) set_flags(*descriptor, kPageDirty, 0);
}

void forget_dirty_page(const Volume& volume, const PageDescriptor& page) {
  if (page.flags & kPageDirty) subtract_dirty(volume.superblock(), 1);
}

Result<void> note_dirty(Transaction& txn, Thread& thread, InodeRecord& inode, InodeIndex index,
                        uint64_t first, uint64_t last) {
  // Without a name at the source there is nowhere to write it back to: what is here is all there is, and stays.
  if (inode.nlink == 0) [[unlikely]]
    return {};
  Superblock& superblock = thread.volume->superblock();
  uint64_t fresh = 0;
  BT_TRY(for_pages(*thread.volume, inode, first, last + 1,
                   [&](uint64_t, PageIndex, PageDescriptor& descriptor) {
                     uint8_t flags = load_relaxed(descriptor.flags);
                     if (!(flags & kPageDirty)) fresh++;
                     // Atomic steps cost more than the rest of this; most writes find the page as it shall be.
                     if ((flags & (kPageDirty | kPageWriting)) != kPageDirty)
                       set_flags(descriptor, kPageDirty, kPageWriting);
                     return true;
                   }));
  if (fresh) __atomic_add_fetch(&superblock.dirty_pages, fresh, __ATOMIC_RELAXED);
  CachedPart& cached = inode.cached;
  bool listed = inode.flags & kInodeDirty;
  auto low = static_cast<uint32_t>(first), high = static_cast<uint32_t>(last);
  if (!listed || low < cached.first_dirty) txn.store(cached.first_dirty, low);
  if (!listed || high > cached.last_dirty) txn.store(cached.last_dirty, high);
  if (listed) return {};
  txn.store(cached.dirtied_ns, clock_now_ns(thread));
  BT_TRY(txn.lock(superblock.dirty_lock, shm::LockRank::kAllocator));
  txn.store(inode.flags, inode.flags | kInodeDirty);
  txn.store(cached.dirty_next, superblock.dirty_first);
  txn.store(superblock.dirty_first, index);
  txn.store(superblock.dirty_count, superblock.dirty_count + 1);
  return {};
}

Result<void> take_dirty(Context& context, InodeNumber inode, uint64_t from, DirtyRun& run,
                        char* bytes) {
  Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  run.count = 0;
  run.size = 0;
  if (!(record->flags & kInodeDirty)) return {};
  uint64_t end = base::min(pages_of(*record), uint64_t{record->cached.last_dirty} + 1);
  from = base::max<uint64_t>(from, record->cached.first_dirty);
  BT_TRY(for_pages(
      volume, *record, from, end, [&](uint64_t index, PageIndex page, PageDescriptor& descriptor) {
        bool dirty = descriptor.flags & kPageDirty;
        if (run.count == 0 && !dirty) return true;
        if (!dirty || index != run.first + run.count || run.count == kCachedPagesAtOnce) {
          if (run.count != 0) return false;
        }
        if (run.count == 0) run.first = index;
        base::copy_from_user(bytes + run.count * kPageSizeBytes, volume.page(page), kPageSizeBytes);
        set_flags(descriptor, kPageWriting, 0);
        run.page[run.count++] = page;
        return true;
      }));
  if (run.count)
    run.size = base::min(run.count * kPageSizeBytes, record->size - run.first * kPageSizeBytes);
  txn.roll_back();  // Nothing was logged: this only lets the lock go.
  return {};
}

Result<void> mark_clean(Context& context, InodeNumber inode, const DirtyRun& run) {
  Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  uint64_t cleaned = 0;
  for (uint32_t i = 0; i < run.count; i++) {
    if (find_page(volume, *record, run.first + i) != run.page[i]) continue;
    PageDescriptor* descriptor = volume.page_descriptor(run.page[i]);
    if (!descriptor) return BT_DAMAGED(volume);
    if (!(descriptor->flags & kPageWriting)) continue;  // Written to since.
    set_flags(*descriptor, 0, kPageWriting | kPageDirty);
    cleaned++;
  }
  subtract_dirty(volume.superblock(), cleaned);
  txn.roll_back();
  return {};
}

namespace {

// Precondition: the dirty lock.
Result<void> take_off_dirty_list(Transaction& txn, Volume& volume, InodeRecord& inode,
                                 InodeIndex index) {
  Superblock& superblock = volume.superblock();
  InodeIndex* link = &superblock.dirty_first;
  for (uint64_t steps = superblock.dirty_count; *link != index; steps--) {
    InodeRecord* other = volume.inode(*link);
    if (!other || steps == 0) return BT_DAMAGED(volume);
    link = &other->cached.dirty_next;
  }
  txn.store(*link, inode.cached.dirty_next);
  txn.store(superblock.dirty_count, superblock.dirty_count - 1);
  txn.store(inode.flags, inode.flags & ~kInodeDirty);
  return {};
}

}  // namespace

Result<void> finish_flush(Context& context, InodeNumber inode, const SourceAttributes& source) {
  Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  CachedPart& cached = record->cached;
  bool dirty = false;
  BT_TRY(for_pages(volume, *record, cached.first_dirty, uint64_t{cached.last_dirty} + 1,
                   [&](uint64_t, PageIndex, PageDescriptor& descriptor) {
                     dirty = descriptor.flags & kPageDirty;
                     return !dirty;
                   }));
  txn.store(cached.source_mtime_ns, source.mtime_ns);
  txn.store(cached.source_ctime_ns, source.ctime_ns);
  txn.store(cached.source_size, source.size);
  txn.store(cached.source_blocks, source.blocks);
  if (!dirty && (record->flags & kInodeDirty)) {
    // What the source was asked for before it had these bytes must not be taken for news now that the record follows it again.
    txn.store(record->change, record->change + 1);
    BT_TRY(txn.lock(volume.superblock().dirty_lock, shm::LockRank::kAllocator));
    BT_TRY(take_off_dirty_list(txn, volume, *record, inode.index()));
  }
  txn.commit();
  return {};
}

Result<void> forget_dirty(Transaction& txn, Thread& thread, InodeRecord& inode, InodeIndex index) {
  if (!(inode.flags & kInodeDirty)) return {};
  Superblock& superblock = thread.volume->superblock();
  uint64_t dirty = 0;
  BT_TRY(for_pages(*thread.volume, inode, inode.cached.first_dirty,
                   uint64_t{inode.cached.last_dirty} + 1,
                   [&](uint64_t, PageIndex, PageDescriptor& descriptor) {
                     if (!(load_relaxed(descriptor.flags) & kPageDirty)) return true;
                     set_flags(descriptor, 0, kPageDirty | kPageWriting);
                     dirty++;
                     return true;
                   }));
  subtract_dirty(superblock, dirty);
  BT_TRY(txn.lock(superblock.dirty_lock, shm::LockRank::kAllocator));
  return take_off_dirty_list(txn, *thread.volume, inode, index);
}

Result<void> note_write_error(Context& context, InodeNumber inode, int32_t error) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  txn.store(record->cached.write_error, static_cast<uint32_t>(error));
  txn.commit();
  return {};
}

Result<int32_t> take_write_error(Context& context, InodeNumber inode) {
  BT_TRY_ASSIGN(InodeRecord * seen, inode_record(context.volume(), inode));
  // A directory keeps something else in this place.
  bool is_file = (load_relaxed(seen->mode) & kModeType) == kModeRegular;
  if (!is_file || !load_relaxed(seen->cached.write_error)) return 0;
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  auto error = static_cast<int32_t>(record->cached.write_error);
  txn.store(record->cached.write_error, 0u);
  txn.commit();
  return error;
}

Result<uint32_t> evict_pages(Context& context, InodeNumber inode, uint64_t from, uint64_t& next,
                             uint64_t count) {
  Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  uint64_t end = pages_of(*record);
  if (from >= end) return 0u;
  end = base::min(end, from + base::min(count, end - from));
  uint64_t run_first = end, run_end = end;
  bool on_probation = false;
  next = end;
  if (record->nlink == 0) return 0u;  // What is here is all there is.
  BT_TRY(for_pages(volume, *record, from, end,
                   [&](uint64_t index, PageIndex, PageDescriptor& descriptor) {
                     bool stays = descriptor.pins || (descriptor.flags & kPageDirty);
                     if (run_first == end && stays) return true;
                     if (stays || index - run_first == kCachedPagesAtOnce) return false;
                     if (run_first == end) run_first = index;
                     on_probation |= (descriptor.flags & kPageProbation) != 0;
                     run_end = index + 1;
                     return true;
                   }));
  if (run_first == end) return 0u;
  note_evictions(volume.superblock(), *record, run_end - run_first, on_probation);
  uint64_t before = record->page_count;
  (void)free_pages_between(txn, context.thread, *record, run_first, run_end, kPagesFreedAtOnce);
  uint64_t freed = before - record->page_count;
  txn.commit();
  settle(context.thread);
  next = run_end;
  return static_cast<uint32_t>(freed);
}

}  // namespace bt::engine
