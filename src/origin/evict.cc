// SPDX-License-Identifier: MIT
#include "origin/evict.h"

#include "engine/allocator.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;

// Pages that the hand passes before the sum of all pages in use is made again.
constexpr uint32_t kStride = 256;

uint32_t page_end(const engine::Volume& volume) {
  return load_relaxed(volume.superblock().free_pages.fresh);
}

// The hand moves over `kStride` pages in the order of their numbers: pages read since it came by stay for another round; new
// ones carry no mark, so that what is read once goes first. How many were evicted.
uint64_t move_hand(Context& context, uint32_t end) {
  engine::Volume& volume = context.volume();
  uint64_t evicted = 0;
  uint32_t first =
      __atomic_fetch_add(&volume.superblock().evict_hand, kStride, __ATOMIC_RELAXED) % end;
  for (uint32_t i = 0; i < kStride; i++) {
    uint32_t number = (first + i) % end;
    const format::PageDescriptor* page = volume.page_descriptor(format::PageIndex{number});
    if (!page || load_relaxed(page->use) != format::kPageData) continue;
    format::InodeIndex owner = load_relaxed(page->owner);
    const format::InodeRecord* record = volume.inode(owner);
    if (!record || (load_relaxed(record->mode) & engine::kModeType) != engine::kModeRegular)
      continue;
    uint64_t next = 0;
    auto inode = InodeNumber::of(owner, load_relaxed(record->generation));
    evicted +=
        engine::evict_pages(context, inode, load_relaxed(page->index), next, true).value_or(0);
  }
  if (evicted)
    metrics::count_event(*volume.block(context.thread.slot_index), metrics::Event::k_evictions,
                         evicted);
  return evicted;
}

}  // namespace

uint64_t pages_in_use(const engine::Volume& volume) {
  engine::Space space = engine::measure_space(volume);
  return space.pages_total - space.pages_free;
}

void make_room(Context& context, uint64_t pages) {
  const engine::Volume& volume = context.volume();
  uint64_t budget = load_relaxed(volume.superblock().cache_pages_max);
  uint32_t end = page_end(volume);
  if (budget == 0 || end <= 1) return;
  engine::OriginAtWork working(context.thread);
  for (uint64_t looked = 0; looked <= 2 * uint64_t{end} && pages_in_use(volume) + pages > budget;
       looked += kStride)
    (void)move_hand(context, end);
}

void make_room_at_once(Context& context, uint64_t pages) {
  uint32_t end = page_end(context.volume());
  if (end <= 1) return;
  engine::OriginAtWork working(context.thread);
  uint64_t evicted = 0;
  for (uint64_t looked = 0; looked <= 2 * uint64_t{end} && evicted < pages; looked += kStride)
    evicted += move_hand(context, end);
}

}  // namespace bt::origin
