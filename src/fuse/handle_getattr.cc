// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_getattr(fuse_req_t handle, fuse_ino_t node, fuse_file_info*) {
  Request request(handle, Operation::k_stat, false, true);
  request.about(inode_of(node));
  Attributes attributes{};
  if (is_hidden(node)) {
    attributes.inode = inode_of(node);
    attributes.mode = S_IFDIR | 0500;
    attributes.nlink = 2;
    return request.reply_attributes({}, attributes);
  }
  request.reply_attributes(engine::read_attributes(request.context(), inode_of(node), attributes),
                           attributes);
}

}  // namespace bt::fuse
