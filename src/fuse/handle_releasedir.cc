// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_releasedir(fuse_req_t handle, fuse_ino_t node, fuse_file_info*) {
  Request request(handle, Operation::k_close, false, true);
  request.about(inode_of(node));
  request.reply(Result<void>());
}

}  // namespace bt::fuse
