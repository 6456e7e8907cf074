// SPDX-License-Identifier: MIT
// FSYNC: nothing to do for a scratch volume; with an origin, its storage has the data when this is answered.
#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_fsync(fuse_req_t handle, fuse_ino_t node, int, fuse_file_info*) {
  Request request(handle, Operation::k_sync, false, true);
  request.about(inode_of(node));
  request.reply(engine::sync_file(request.context(), inode_of(node)));
}

}  // namespace bt::fuse
