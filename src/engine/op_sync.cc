// SPDX-License-Identifier: MIT
// fsync and its relatives. A scratch volume has no storage; with an origin, what is dirty goes there.
#include "engine/cached.h"
#include "engine/kernel_pages.h"
#include "engine/origin.h"

namespace bt::engine {

Result<void> sync_file(Context& context, InodeNumber inode) {
  const OriginTable* origin = origin_of(context);
  if (!origin) [[likely]]
    return {};
  if (is_left_to_kernel(context, inode, kInodeKernelStores)) return error::kernel_has_pages;
  BT_TRY(origin->flush(context, inode, true));
  return report_write_error(context, inode);
}

Result<void> report_write_error(Context& context, InodeNumber inode) {
  if (!context.volume().origin()) [[likely]]
    return {};
  BT_TRY_ASSIGN(int32_t failure, take_write_error(context, inode));
  if (failure) return Error(failure);
  return {};
}

Result<void> sync_volume(Context& context) {
  const OriginTable* origin = origin_of(context);
  if (!origin) [[likely]]
    return {};
  Volume& volume = context.volume();
  Result<void> first_failure;
  // The list may change under us: what was dirty when this began is at its head or behind it, and each round cleans one.
  uint64_t rounds = load_relaxed(volume.superblock().dirty_count);
  for (InodeIndex index = load_relaxed(volume.superblock().dirty_first);
       index != InodeIndex::kNone && rounds-- > 0;) {
    const InodeRecord* record = volume.inode(index);
    if (!record) return BT_DAMAGED(volume);
    InodeIndex next = load_relaxed(record->cached.dirty_next);
    Result<void> flushed =
        origin->flush(context, InodeNumber::of(index, load_relaxed(record->generation)), false);
    if (!flushed && first_failure) first_failure = flushed;
    index = next;
  }
  return first_failure;
}

}  // namespace bt::engine
