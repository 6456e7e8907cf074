// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_rename(fuse_req_t handle, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
                   const char* new_name, unsigned flags) {
  Request request(handle, Operation::k_rename, true);
  request.about(inode_of(parent), name);
  if (request.was_executed()) return request.reply(Result<void>());
  request.reply(engine::rename(request.context(), inode_of(parent), text_of(std::string_view(name)),
                               inode_of(new_parent), text_of(std::string_view(new_name)), flags));
}

}  // namespace bt::fuse
