// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "engine/descriptions.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_getlk(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file, struct flock* lock) {
  Request request(handle, Operation::k_lock, false, true);
  request.about(inode_of(node));
  engine::LockOwner holder{};
  engine::LockRange held;
  auto result = engine::test_file_lock(request.context(), inode_of(node),
                                       posix_owner(*file, static_cast<uint32_t>(lock->l_pid)),
                                       range_of(*lock), holder, held);
  if (!result && result.error().errno_value() != ENOENT) return request.reply_error(result.error());
  struct flock answer = *lock;
  answer.l_type = F_UNLCK;
  if (result) {
    answer.l_type = held.exclusive ? F_WRLCK : F_RDLCK;
    answer.l_whence = SEEK_SET;
    answer.l_start = static_cast<off_t>(held.start);
    answer.l_len = held.end >= INT64_MAX ? 0 : static_cast<off_t>(held.end - held.start + 1);
    answer.l_pid = static_cast<pid_t>(holder.pid);
  }
  request.reply_lock(answer);
}

}  // namespace bt::fuse
