// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_readlink(fuse_req_t handle, fuse_ino_t node) {
  Request request(handle, Operation::k_read_link, false, true);
  request.about(inode_of(node));
  char target[4096];
  auto size = engine::read_link(request.context(), inode_of(node), target, sizeof target - 1);
  if (!size) return request.reply_error(size.error());
  request.reply_data(target, base::min<uint64_t>(*size, sizeof target - 1));
}

}  // namespace bt::fuse
