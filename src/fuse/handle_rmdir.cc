// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_rmdir(fuse_req_t handle, fuse_ino_t parent, const char* name) {
  Request request(handle, Operation::k_remove_directory, true);
  request.about(inode_of(parent), name);
  if (request.was_executed()) return request.reply(Result<void>());
  request.reply(engine::remove_directory(request.context(), inode_of(parent),
                                         text_of(std::string_view(name))));
}

}  // namespace bt::fuse
