// SPDX-License-Identifier: MIT
#include "origin/evict.h"

#include "engine/allocator.h"
#include "engine/file_pages.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;

// Pages that the hand passes before the sum of all pages in use is made again.
constexpr uint32_t kStride = 256;
// Part of the budget that may be on probation before anything else is evicted.
constexpr uint32_t kProbationPart = 10;

// A file may have many names, and a long name many records: so many count as an inode.
constexpr uint64_t kDentriesAnInode = 2;
// Part of the inodes that goes at once, where there are too many.
constexpr uint64_t kInodesAtOnce = 32;
// Inodes that are looked at before a listing: a few microseconds' worth, also when all of them are in somebody's hands.
constexpr uint32_t kLooksAListing = 4096;

uint32_t page_end(const engine::Volume& volume) {
  return load_relaxed(volume.superblock().free_pages.fresh);
}

// So many pages less are on probation, as far as is known.
void end_probation(format::Superblock& superblock, uint32_t pages) {
  uint32_t known = load_relaxed(superblock.probation_pages);
  __atomic_sub_fetch(&superblock.probation_pages, base::min(known, pages), __ATOMIC_RELAXED);
}

// Whether the page goes now. What was visited stays and loses its mark, and its probation ends. Of the rest, those on probation
// go as long as they are a tenth of the budget, else the others: so what is read once passes through that tenth alone.
bool is_cold(format::Superblock& superblock, format::PageDescriptor& page) {
  uint8_t flags = load_relaxed(page.flags);
  if (flags & format::kPageDirty) return false;
  bool on_probation = flags & format::kPageProbation;
  uint32_t probation = load_relaxed(superblock.probation_pages);
  bool many = probation > load_relaxed(superblock.cache_pages_max) / kProbationPart;
  if (many != on_probation) return false;
  if (on_probation) end_probation(superblock, 1);
  if (!(flags & format::kPageVisited)) return true;
  constexpr uint8_t kCleared = format::kPageVisited | format::kPageProbation;
  __atomic_fetch_and(&page.flags, static_cast<uint8_t>(~kCleared), __ATOMIC_RELAXED);
  return false;
}

// Pages are freed in other ways too, so that the count goes astray by and by.
void count_probation(engine::Volume& volume, uint32_t end) {
  uint32_t count = 0;
  for (uint32_t number = 1; number < end; number++) {
    const format::PageDescriptor* page = volume.page_descriptor(format::PageIndex{number});
    if (page && load_relaxed(page->use) == format::kPageData &&
        (load_relaxed(page->flags) & format::kPageProbation))
      count++;
  }
  __atomic_store_n(&volume.superblock().probation_pages, count, __ATOMIC_RELAXED);
}

// Whether the file's page at `index` is here and as cold as one that goes.
bool is_as_cold(const engine::Volume& volume, const format::InodeRecord& record,
                format::InodeIndex owner, uint64_t index, bool on_probation) {
  const format::PageDescriptor* page =
      volume.page_descriptor(engine::find_page(volume, record, index));
  if (!page || load_relaxed(page->use) != format::kPageData || load_relaxed(page->owner) != owner ||
      load_relaxed(page->index) != index || load_relaxed(page->pins) != 0)
    return false;
  uint8_t flags = load_relaxed(page->flags);
  return !(flags & (format::kPageDirty | format::kPageVisited)) &&
         ((flags & format::kPageProbation) != 0) == on_probation;
}

// What is read together goes together: the pages of the file around a cold one that are as cold. The free places that a file's
// pages were put into lie anywhere, so that the hand comes to them at different times; a file of which one page is gone is a miss
// as much as one that is gone altogether. The number evicted.
uint64_t evict_around(Context& context, const format::InodeRecord& record, format::InodeIndex owner,
                      uint64_t index, bool on_probation) {
  engine::Volume& volume = context.volume();
  uint64_t first = index, end = index + 1;
  auto goes = [&](uint64_t at) { return is_as_cold(volume, record, owner, at, on_probation); };
  while (first > 0 && end - first < engine::kCachedPagesAtOnce && goes(first - 1)) first--;
  while (end - first < engine::kCachedPagesAtOnce && goes(end)) end++;
  if (on_probation) end_probation(volume.superblock(), static_cast<uint32_t>(end - first - 1));
  uint64_t next = 0;
  auto inode = InodeNumber::of(owner, load_relaxed(record.generation));
  return engine::evict_pages(context, inode, first, next, end - first).value_or(0);
}

// The hand moves over `kStride` pages in the order of their numbers; how many were evicted.
uint64_t move_hand(Context& context, uint32_t end) {
  engine::Volume& volume = context.volume();
  format::Superblock& superblock = volume.superblock();
  uint64_t evicted = 0;
  uint32_t first = __atomic_fetch_add(&superblock.evict_hand, kStride, __ATOMIC_RELAXED) % end;
  for (uint32_t i = 0; i < base::min(kStride, end); i++) {
    format::PageDescriptor* page = volume.page_descriptor(format::PageIndex{(first + i) % end});
    if (!page || load_relaxed(page->use) != format::kPageData) continue;
    format::InodeIndex owner = load_relaxed(page->owner);
    const format::InodeRecord* record = volume.inode(owner);
    if (!record || (load_relaxed(record->mode) & engine::kModeType) != engine::kModeRegular)
      continue;
    bool on_probation = load_relaxed(page->flags) & format::kPageProbation;
    if (!is_cold(superblock, *page)) continue;
    evicted += evict_around(context, *record, owner, load_relaxed(page->index), on_probation);
  }
  if (evicted) metrics::count_event(*context.thread.block, metrics::Event::k_evictions, evicted);
  return evicted;
}

// Evicts until `enough()`, or nothing cold is found in three rounds of the hand.
template <typename Enough>
void evict_until(Context& context, Enough enough) {
  uint32_t end = page_end(context.volume());
  if (end <= 1) return;
  engine::OriginAtWork working(context.thread);
  uint64_t fruitless = 0, passed = 0;
  while (!enough(0) && fruitless <= 3 * uint64_t{end}) {
    uint64_t evicted = move_hand(context, end);
    fruitless = evicted ? 0 : fruitless + kStride;
    if (evicted && enough(evicted)) return;
    // So far for so little: those that it looks for may be fewer than it thinks.
    bool counted = passed > end / 4;
    passed += kStride;
    if (!counted && passed > end / 4) count_probation(context.volume(), end);
  }
}

}  // namespace

uint64_t pages_in_use(const engine::Volume& volume) {
  engine::Space space = engine::measure_space(volume);
  return space.pages_total - space.pages_free;
}

void make_room(Context& context, uint64_t pages) {
  const engine::Volume& volume = context.volume();
  uint64_t budget = load_relaxed(volume.superblock().cache_pages_max);
  if (budget == 0) return;
  evict_until(context, [&](uint64_t) { return pages_in_use(volume) + pages <= budget; });
}

void make_room_at_once(Context& context, uint64_t pages) {
  uint64_t found = 0;
  evict_until(context, [&](uint64_t evicted) { return (found += evicted) >= pages; });
}

uint64_t inodes_in_use(const engine::Volume& volume) {
  engine::Space space = engine::measure_space(volume);
  uint64_t names = (space.dentries_total - space.dentries_free) / kDentriesAnInode;
  return base::max(space.inodes_total - space.inodes_free, names);
}

namespace {

// The epoch in which the directory was last of use to anybody.
uint32_t last_used(const format::InodeRecord& directory) {
  return base::max(load_relaxed(directory.directory.names_epoch),
                   load_relaxed(directory.valid_epoch));
}

bool may_lose_names(const format::InodeRecord* record, uint32_t before_epoch) {
  if (!record || !engine::is_directory(load_relaxed(record->mode))) return false;
  if (load_relaxed(record->directory.entry_count) == 0) return false;
  if (before_epoch == UINT32_MAX) return load_relaxed(record->directory.names_epoch) != 0;
  return last_used(*record) < before_epoch;
}

}  // namespace

uint64_t evict_inodes(Context& context, uint64_t goal, uint32_t before_epoch, uint32_t looks) {
  engine::Volume& volume = context.volume();
  format::Superblock& superblock = volume.superblock();
  engine::OriginAtWork working(context.thread);
  uint32_t end = load_relaxed(superblock.free_inodes.fresh);
  uint64_t in_use = inodes_in_use(volume), evicted = 0;
  looks = base::min(looks, end);
  for (uint32_t look = 0; look < looks && in_use > goal; look++) {
    uint32_t hand = __atomic_fetch_add(&superblock.evict_inode_hand, 1, __ATOMIC_RELAXED);
    format::InodeIndex index{hand % end};
    const format::InodeRecord* record = volume.inode(index);
    if (!may_lose_names(record, before_epoch)) continue;
    auto number = InodeNumber::of(index, load_relaxed(record->generation));
    uint64_t gone = engine::evict_names(context, number, before_epoch).value_or(0);
    if (gone) in_use = inodes_in_use(volume);
    evicted += gone;
  }
  if (evicted)
    metrics::count_event(*context.thread.block, metrics::Event::k_inode_evictions, evicted);
  return evicted;
}

void make_room_for_names(Context& context) {
  const format::Superblock& superblock = context.volume().superblock();
  uint64_t most = load_relaxed(superblock.inodes_max);
  // Without epochs (--valid 0) nobody could tell an evicted name from an absent one.
  if (most == 0 || load_relaxed(superblock.origin_epoch) == 0) return;
  if (inodes_in_use(context.volume()) <= most) return;
  (void)evict_inodes(context, most - most / kInodesAtOnce, UINT32_MAX, kLooksAListing);
}

}  // namespace bt::origin
