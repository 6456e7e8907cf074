// SPDX-License-Identifier: MIT
// SEEK_DATA and SEEK_HOLE, by whole pages; a page that fallocate added counts as data. Optimistic, validated each
// kRunsValidated runs: a file under change gets an answer that was true at some moment of the call.
#include "engine/data.h"
#include "engine/origin.h"

#include <sys/stat.h>

#include "base/bytes.h"
#include "engine/file_pages_internal.h"
#include "engine/seq_read.h"

namespace bt::engine {

namespace {

constexpr uint32_t kRunsValidated = 1024;

struct Search {
  uint64_t index;  // of the page to look at next
  uint64_t size = 0;
  bool found = false;
};

// Goes on until a run of the wanted kind, the end of the file or kRunsValidated.
void search(const Volume& volume, const InodeRecord& inode, bool hole, Search& at) {
  at.size = load_relaxed(inode.size);
  uint64_t last = base::divide_up(at.size, kPageSizeBytes);
  for (uint32_t runs = 0; runs < kRunsValidated && at.index < last; runs++) {
    PageRun run = find_run(volume, inode, at.index, last - at.index);
    if ((run.page == PageIndex::kNone) == hole) {
      at.found = true;
      return;
    }
    at.index += run.count;
  }
}

}  // namespace

Result<uint64_t> seek_data(Context& context, InodeNumber number, uint64_t offset, bool hole) {
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->seek_data(context, number, offset, hole);
  Search at{offset / kPageSizeBytes};
  for (;;) {
    Search next = at;
    uint32_t mode = 0;
    BT_TRY(read_inode(context.thread, number, [&](const InodeRecord& inode) {
      next = at;
      mode = load_relaxed(inode.mode);
      if (S_ISREG(mode)) search(context.volume(), inode, hole, next);
    }));
    if (!S_ISREG(mode)) return Error(S_ISDIR(mode) ? EISDIR : EINVAL);
    at = next;
    if (offset >= at.size) return Error(ENXIO);
    if (at.found) return base::min(base::max(offset, at.index * kPageSizeBytes), at.size);
    if (at.index >= base::divide_up(at.size, kPageSizeBytes)) break;
  }
  if (!hole) return Error(ENXIO);
  return at.size;
}

}  // namespace bt::engine
