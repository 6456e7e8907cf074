// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_mknod(fuse_req_t handle, fuse_ino_t parent, const char* name, mode_t mode,
                  dev_t device) {
  Request request(handle, Operation::k_make_node, true);
  engine::NewInode what;
  what.mode = mode;
  what.umask = request.caller().umask & 0777;
  if (S_ISCHR(mode) || S_ISBLK(mode)) what.rdev = device;
  make_and_reply(request, parent, name, what);
}

}  // namespace bt::fuse
