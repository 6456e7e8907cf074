// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_access(fuse_req_t handle, fuse_ino_t node, int mask) {
  Request request(handle, Operation::k_access);
  request.about(inode_of(node));
  request.reply(
      engine::check_access(request.context(), inode_of(node), static_cast<uint32_t>(mask)));
}

}  // namespace bt::fuse
