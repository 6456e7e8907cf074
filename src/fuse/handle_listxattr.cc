// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_listxattr(fuse_req_t handle, fuse_ino_t node, size_t size) {
  Request request(handle, Operation::k_list_xattr);
  request.about(inode_of(node));
  char* names = request.buffer(size);
  auto got = engine::list_xattrs(request.context(), inode_of(node), names, size);
  if (!got || size == 0) return request.reply_xattr_size(got);
  request.reply_data(names, *got);
}

}  // namespace bt::fuse
