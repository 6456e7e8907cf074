// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_setxattr(fuse_req_t handle, fuse_ino_t node, const char* name, const char* value,
                     size_t size, int flags) {
  Request request(handle, Operation::k_set_xattr, true);
  request.about(inode_of(node), name);
  if (request.was_executed()) return request.reply(Result<void>());
  request.reply(engine::set_xattr(request.context(), inode_of(node),
                                  text_of(std::string_view(name)), value, size,
                                  static_cast<uint32_t>(flags)));
}

}  // namespace bt::fuse
