// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_removexattr(fuse_req_t handle, fuse_ino_t node, const char* name) {
  Request request(handle, Operation::k_remove_xattr, true);
  request.about(inode_of(node), name);
  if (request.was_executed()) return request.reply(Result<void>());
  request.reply(
      engine::remove_xattr(request.context(), inode_of(node), text_of(std::string_view(name))));
}

}  // namespace bt::fuse
