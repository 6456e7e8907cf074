// SPDX-License-Identifier: MIT
// readlink. Lock-free.
#include "base/user_copy.h"
#include "engine/inode_lock.h"
#include "engine/operations.h"
#include "engine/origin.h"

namespace bt::engine {

Result<uint64_t> read_link(Context& context, InodeNumber inode, char* target, uint64_t size) {
  BT_TRY(require_attributes(context, inode));
  Volume& volume = context.volume();
  uint32_t mode = 0;
  uint64_t length = 0;
  bool sound = true, faulted = false;
  BT_TRY(read_inode(context.thread, inode, [&](const InodeRecord& record) {
    mode = load_relaxed(record.mode);
    length = load_relaxed(record.size);
    if ((mode & kModeType) != kModeLink) return;
    const char* bytes =
        length <= kInodeInlineBytes ? record.link_target : volume.page(load_relaxed(record.root));
    sound = bytes && length < kPageSizeBytes;
    if (sound) faulted = !base::copy_to_user(target, bytes, base::min(size, length));
  }));
  if ((mode & kModeType) != kModeLink) return Error(EINVAL);
  if (!sound) [[unlikely]]
    return BT_DAMAGED(volume);
  if (faulted) return Error(EFAULT);
  return length;
}

}  // namespace bt::engine
