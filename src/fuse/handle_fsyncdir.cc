// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_fsyncdir(fuse_req_t handle, fuse_ino_t node, int, fuse_file_info*) {
  Request request(handle, Operation::k_sync, false, true);
  request.about(inode_of(node));
  request.reply(Result<void>());
}

}  // namespace bt::fuse
