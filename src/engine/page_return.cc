// SPDX-License-Identifier: MIT
#include "engine/page_return.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "engine/allocator.h"
#include "engine/housekeeping.h"
#include "engine/seq_read.h"

namespace bt::engine {
namespace {

// 2 MiB: what is punched between two looks at the world.
constexpr uint32_t kChunkPages = 512;
constexpr uint64_t kLeastPagesAtOnce = 4096;

struct Chunk {
  uint32_t page[kChunkPages];
  uint32_t count = 0;
};

// Neighbours should be punched together: a gap sequence of Shell's is fast enough for a chunk.
void sort(Chunk& chunk) {
  constexpr uint32_t kGaps[] = {301, 132, 57, 23, 10, 4, 1};
  for (uint32_t gap : kGaps)
    for (uint32_t i = gap; i < chunk.count; i++) {
      uint32_t value = chunk.page[i], j = i;
      for (; j >= gap && chunk.page[j - gap] > value; j -= gap) chunk.page[j] = chunk.page[j - gap];
      chunk.page[j] = value;
    }
}

// The first `count` pages of the thread's own list.
Result<void> collect(Thread& thread, uint32_t count, Chunk& chunk) {
  PageIndex at = thread.slot->free.pages;
  for (; chunk.count < count; chunk.count++) {
    PageDescriptor* descriptor = thread.volume->page_descriptor(at);
    if (!descriptor) return BT_DAMAGED(*thread.volume);
    descriptor->flags |= kPageReturned;  // ours alone; take_page clears it
    chunk.page[chunk.count] = raw(at);
    at = descriptor->next;
  }
  return {};
}

void punch(const Volume& volume, uint32_t first, uint32_t count) {
  base::raw_syscall(SYS_madvise, base::raw_argument(volume.page(PageIndex{first})),
                    static_cast<int64_t>(count * kPageSizeBytes), MADV_REMOVE);
}

void punch(const Volume& volume, Chunk& chunk) {
  sort(chunk);
  for (uint32_t i = 0, run; i < chunk.count; i += run) {
    for (run = 1; i + run < chunk.count && chunk.page[i + run] == chunk.page[i] + run;) run++;
    punch(volume, chunk.page[i], run);
  }
}

// Up to a chunk from one pool, through this thread's list, to the pool of returned pages.
Result<uint32_t> return_chunk(Thread& thread, FreePool& from, uint32_t want) {
  uint32_t taken = 0;
  while (taken < want) {
    BT_TRY_ASSIGN(uint32_t pulled, pull_pages(thread, from, base::min(want - taken, kBatchPages)));
    if (pulled == 0) break;
    taken += pulled;
  }
  Chunk chunk;
  BT_TRY(collect(thread, taken, chunk));
  punch(*thread.volume, chunk);
  for (uint32_t left = taken; left > 0;) {
    uint32_t part = base::min(left, kBatchPages);
    BT_TRY(push_pages(thread, thread.volume->superblock().returned_pages, part));
    left -= part;
  }
  return taken;
}

Result<uint64_t> return_from(Thread& thread, FreePool& from, uint64_t count) {
  uint64_t done = 0;
  while (done < count) {
    uint32_t want = static_cast<uint32_t>(base::min<uint64_t>(count - done, kChunkPages));
    BT_TRY_ASSIGN(uint32_t returned, return_chunk(thread, from, want));
    done += returned;
    if (returned < want) break;
  }
  return done;
}

Result<uint64_t> return_pages(Thread& thread, PageReturn& state, bool all) {
  Housekeeping housekeeping(thread);
  Superblock& super = thread.volume->superblock();
  flush_lists(thread);
  // The last ones first: they lie on top of the pool still.
  BT_TRY(return_from(thread, super.returned_pages, state.again));
  uint64_t free = load_relaxed(super.free_pages.count);
  uint64_t excess = free > state.keep_pages ? free - state.keep_pages : 0;
  uint64_t count = all ? excess : base::min(excess, base::max(excess / 2, kLeastPagesAtOnce));
  BT_TRY_ASSIGN(state.again, return_from(thread, super.free_pages, count));
  return state.again;
}
}  // namespace

Result<uint64_t> return_free_pages(Thread& thread, PageReturn& state) {
  return return_pages(thread, state, false);
}

Result<uint64_t> return_all_free_pages(Thread& thread, PageReturn& state) {
  return return_pages(thread, state, true);
}

}  // namespace bt::engine
