// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_mkdir(fuse_req_t handle, fuse_ino_t parent, const char* name, mode_t mode) {
  Request request(handle, Operation::k_make_directory, true);
  engine::NewInode what;
  what.mode = S_IFDIR | (mode & 07777);
  what.umask = request.caller().umask & 0777;
  make_and_reply(request, parent, name, what);
}

}  // namespace bt::fuse
