// SPDX-License-Identifier: MIT
// RELEASE: the last descriptor of an open file is gone.
#include "engine/descriptions.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_release(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file) {
  Request request(handle, Operation::k_close, true, true);
  request.about(inode_of(node));
  if (file->flock_release) {
    auto owner = flock_owner(*file, static_cast<uint32_t>(request.caller().pid));
    // Of a description that is shared with a program, the lock goes with the last reference instead.
    if (!has_description(file->fh))
      (void)engine::clear_file_lock(request.context(), inode_of(node), owner, {});
    request.server().lock_waiters().wake();
  }
  if (has_description(file->fh)) {
    request.server().shared_offsets().close(file->fh);
    if (!request.was_executed())
      (void)engine::drop_reference(request.context(), description_of(file->fh));
  }
  request.reply(Result<void>());
  // After the answer, so that no other worker counts it again.
  (void)engine::drop_kernel_open(request.context(), inode_of(node)).has_value();
}

}  // namespace bt::fuse
