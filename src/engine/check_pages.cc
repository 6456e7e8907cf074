// SPDX-License-Identifier: MIT
// Pages: each belongs to one place of one file, to a list, or to nobody and is free.
#include "engine/check_state.h"
#include "engine/file_pages.h"
#include "format/xattr_format.h"

namespace bt::engine {
namespace {

bool claim_page(CheckState& state, PageIndex page, InodeIndex owner, uint8_t use, uint64_t index) {
  if (!state.claim(page, kInUse, "page of a file")) return false;
  const PageDescriptor& descriptor = *state.volume.page_descriptor(page);
  state.expect("use of a page", raw(page), use, descriptor.use);
  state.expect("owner of a page", raw(page), raw(owner), raw(descriptor.owner));
  state.expect("place of a page", raw(page), static_cast<uint32_t>(index), descriptor.index);
  state.expect("flags of a page", raw(page), 0, descriptor.flags & kPageDetached);
  state.result.pages_used++;
  return true;
}

// One level of a radix tree; data pages found below it. The depth is bounded by the caller.
uint64_t walk_radix(CheckState& state, InodeIndex owner, PageIndex page, uint32_t height,
                    uint64_t first) {
  if (page == PageIndex::kNone) return 0;
  if (!claim_page(state, page, owner, height ? kPageRadix : kPageData, first)) return 0;
  if (height == 0) return 1;
  uint64_t found = 0, step = 1;
  for (uint32_t level = 1; level < height; level++) step *= kRadixFanout;
  const RadixPage& node = *reinterpret_cast<RadixPage*>(state.volume.page(page));
  for (uint32_t i = 0; i < kRadixFanout; i++)
    found += walk_radix(state, owner, node.child[i], height - 1, first + i * step);
  return found;
}

void walk_xattrs(CheckState& state, InodeIndex owner, PageIndex at) {
  for (uint32_t i = 0; at != PageIndex::kNone; i++) {
    if (i >= kXattrPagesMax)
      return state.violation("attribute pages", raw(owner), kXattrPagesMax, i);
    if (!claim_page(state, at, owner, kPageXattr, i)) return;
    at = state.volume.page_descriptor(at)->next;
  }
}

// Beyond the end of its file, a mapped page is known to be there.
void check_mapped(CheckState& state, PageIndex page, const PageDescriptor& descriptor) {
  const InodeRecord* inode = state.volume.inode(descriptor.owner);
  if (!inode || descriptor.index < base::divide_up(inode->size, kPageSizeBytes)) return;
  if (!(inode->flags & (kInodeMappedBeyond | kInodeShrinking | kInodeOrphan)))
    state.violation("mapped page beyond the end", raw(page), kInodeMappedBeyond, inode->flags);
}

// A page that lost its file while programs had it mapped stays until the last of them lets go.
void check_page(CheckState& state, PageIndex page) {
  const PageDescriptor& descriptor = *state.volume.page_descriptor(page);
  state.expect("pins", raw(page), state.pins[raw(page)], descriptor.pins);
  if (!(descriptor.flags & kPageDetached)) {
    if (descriptor.pins) check_mapped(state, page, descriptor);
    return;
  }
  if (descriptor.pins == 0 || descriptor.owner != InodeIndex::kNone || descriptor.use != kPageData)
    state.violation("detached page", raw(page), kPageData, descriptor.use);
  if (state.claim(page, kInUse, "detached page")) state.result.pages_used++;
}
}  // namespace

void check_pages(CheckState& state) {
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++) {
    const InodeRecord& inode = *state.volume.inode(InodeIndex{i});
    if (!is_alive(inode)) continue;
    walk_xattrs(state, InodeIndex{i}, inode.xattrs);
    if (inode.height > kRadixHeightMax) {
      state.violation("height", i, kRadixHeightMax, inode.height);
      continue;
    }
    state.expect("page count", i, walk_radix(state, InodeIndex{i}, inode.root, inode.height, 0),
                 inode.page_count);
  }
  for (uint32_t i = 1; i < state.fresh(PageIndex{}); i++) check_page(state, PageIndex{i});
}

}  // namespace bt::engine
