// SPDX-License-Identifier: MIT
// access, and the check of an open. Lock-free.
#include "engine/inode_lock.h"
#include "engine/operations.h"
#include "engine/origin.h"

namespace bt::engine {

Result<void> check_access(Context& context, InodeNumber inode, uint32_t mask) {
  BT_TRY(require_rights(context, inode));
  AccessView view{};
  BT_TRY(read_inode(context.thread, inode,
                    [&](const InodeRecord& record) { view = access_view(inode.index(), record); }));
  // As Linux: directories, files and links cannot be written on a read-only volume; devices and pipes can.
  uint32_t type = view.mode & kModeType;
  bool stored_here = type == kModeRegular || type == kModeDirectory || type == kModeLink;
  if ((mask & kMayWrite) && stored_here && context.volume().is_read_only()) return Error(EROFS);
  return check_permission(context, view, mask & 7, false);
}

}  // namespace bt::engine
