// SPDX-License-Identifier: MIT
// FLUSH: a descriptor was closed. POSIX locks of its owner on the file go, as close(2) has it.
#include "engine/data.h"
#include "engine/descriptions.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_flush(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file) {
  Request request(handle, Operation::k_close, false, true);
  request.about(inode_of(node));
  auto owner = posix_owner(*file, static_cast<uint32_t>(request.caller().pid));
  // The file has been closed whatever we say: an inode that is gone has no locks left.
  (void)engine::clear_file_lock(request.context(), inode_of(node), owner, {});
  request.server().lock_waiters().wake();
  request.reply(engine::report_write_error(request.context(), inode_of(node)));
}

}  // namespace bt::fuse
