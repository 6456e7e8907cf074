// SPDX-License-Identifier: MIT
#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_fallocate(fuse_req_t handle, fuse_ino_t node, int mode, off_t offset, off_t size,
                      fuse_file_info*) {
  Request request(handle, Operation::k_allocate, true);
  request.about(inode_of(node));
  if (request.was_executed()) return request.reply(Result<void>());
  request.reply(engine::allocate_range(request.context(), inode_of(node),
                                       static_cast<uint32_t>(mode), static_cast<uint64_t>(offset),
                                       static_cast<uint64_t>(size), UINT64_MAX));
}

}  // namespace bt::fuse
