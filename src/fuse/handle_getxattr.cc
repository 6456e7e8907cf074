// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_getxattr(fuse_req_t handle, fuse_ino_t node, const char* name, size_t size) {
  Request request(handle, Operation::k_get_xattr);
  request.about(inode_of(node), name);
  char* value = request.buffer(size);
  auto got = engine::get_xattr(request.context(), inode_of(node), text_of(std::string_view(name)),
                               value, size);
  if (!got || size == 0) return request.reply_xattr_size(got);
  request.reply_data(value, *got);
}

}  // namespace bt::fuse
