// SPDX-License-Identifier: MIT
// FORGET: the kernel drops references; the last one may free an unlinked inode.
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_forget(fuse_req_t handle, fuse_ino_t node, uint64_t count) {
  Request request(handle, Operation::k_forget, false, true);
  // An inode that is gone already has nothing to forget.
  (void)engine::forget_kernel_lookups(request.context(), inode_of(node), count);
  request.reply_none();
}

}  // namespace bt::fuse
