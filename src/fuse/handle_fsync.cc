// SPDX-License-Identifier: MIT
// FSYNC: a scratch volume has no medium to write to; what a write call did is done.
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_fsync(fuse_req_t handle, fuse_ino_t node, int, fuse_file_info*) {
  Request request(handle, Operation::k_sync, false, true);
  request.about(inode_of(node));
  request.reply(Result<void>());
}

}  // namespace bt::fuse
