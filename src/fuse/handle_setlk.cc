// SPDX-License-Identifier: MIT
// SETLK and SETLKW: POSIX locks and, as the kernel does not tell them apart, OFD locks; the owner says whose.
#include <fcntl.h>

#include "engine/descriptions.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_setlk(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file, struct flock* lock,
                  int may_wait) {
  Request request(handle, Operation::k_lock, false, true);
  request.about(inode_of(node));
  auto owner = posix_owner(*file, static_cast<uint32_t>(lock->l_pid));
  engine::LockRange range = range_of(*lock);
  if (lock->l_type == F_UNLCK) {
    auto result = engine::clear_file_lock(request.context(), inode_of(node), owner, range);
    request.server().lock_waiters().wake();
    return request.reply(result);
  }
  auto result = engine::set_file_lock(request.context(), inode_of(node), owner, range);
  if (!may_wait || result || result.error().errno_value() != EAGAIN) return request.reply(result);
  request.hand_over();
  request.server().lock_waiters().wait(handle, inode_of(node), owner, range);
}

}  // namespace bt::fuse
