// SPDX-License-Identifier: MIT
// OPEN: permission is checked here and not again. The file handle is 0, for the kernel's own reference keeps the inode; only
// descriptions that came by a hidden name have one (shared_offsets.h).
#include <fcntl.h>

#include "engine/descriptions.h"
#include "fuse/executing.h"
#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

Result<void> check_and_truncate(Request& request, InodeNumber inode, int flags) {
  BT_TRY(engine::check_access(request.context(), inode, access_mask_of(flags)));
  if ((flags & kOpenForExecution) && is_being_written(request.server().volume(), inode))
    return Error(ETXTBSY);
  if (!(flags & O_TRUNC) || request.was_executed()) return {};
  engine::AttributeChange change;
  change.which = engine::AttributeChange::kSize;
  change.by_descriptor = true;
  Attributes after;
  return engine::set_attributes(request.context(), inode, change, after);
}

// Counted first: who removes the file from now on leaves its bytes here. A request that a dead worker executed is counted once
// too often, and then the bytes of a file that is removed are brought for nobody.
Result<void> open_counted(Request& request, InodeNumber inode, int flags) {
  BT_TRY(engine::add_kernel_open(request.context(), inode));
  Result<void> opened = check_and_truncate(request, inode, flags);
  if (!opened) (void)engine::drop_kernel_open(request.context(), inode).has_value();
  return opened;
}

}  // namespace

using metrics::Operation;

void handle_open(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file) {
  Request request(handle, Operation::k_open, true);
  request.about(inode_of(node));
  auto named = request.server().pending_opens().take(request.caller().pid, inode_of(node));
  if (named.description != format::DescriptionIndex::kNone) {
    auto result = engine::add_reference(request.context(), named.description);
    if (!result) return request.reply_error(result.error());
    file->fh = request.server().shared_offsets().open(named);
    (void)request.reply_open(*file);
    return;
  }
  auto result = open_counted(request, inode_of(node), file->flags);
  if (!result) return request.reply_error(result.error());
  file->fh = 0;
  if (!request.reply_open(*file))
    (void)engine::drop_kernel_open(request.context(), inode_of(node)).has_value();
}

}  // namespace bt::fuse
