// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_opendir(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file) {
  Request request(handle, Operation::k_open);
  request.about(inode_of(node));
  auto result = engine::check_access(request.context(), inode_of(node), R_OK);
  if (!result) return request.reply_error(result.error());
  file->fh = 0;
  (void)request.reply_open(*file);
}

}  // namespace bt::fuse
