// SPDX-License-Identifier: MIT
#include "engine/descriptions.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_flock(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file, int operation) {
  Request request(handle, Operation::k_lock, false, true);
  request.about(inode_of(node));
  auto owner = flock_owner(*file, static_cast<uint32_t>(request.caller().pid));
  engine::LockRange range;
  range.exclusive = (operation & ~LOCK_NB) == LOCK_EX;
  if ((operation & ~LOCK_NB) == LOCK_UN) {
    auto result = engine::clear_file_lock(request.context(), inode_of(node), owner, range);
    request.server().lock_waiters().wake();
    return request.reply(result);
  }
  auto result = engine::set_file_lock(request.context(), inode_of(node), owner, range);
  if ((operation & LOCK_NB) || result || result.error().errno_value() != EAGAIN)
    return request.reply(result);
  request.hand_over();
  request.server().lock_waiters().wait(handle, inode_of(node), owner, range);
}

}  // namespace bt::fuse
