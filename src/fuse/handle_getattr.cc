// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_getattr(fuse_req_t handle, fuse_ino_t node, fuse_file_info*) {
  Request request(handle, Operation::k_stat, false, true);
  request.about(inode_of(node));
  Attributes attributes{};
  request.reply_attributes(engine::read_attributes(request.context(), inode_of(node), attributes),
                           attributes);
}

}  // namespace bt::fuse
