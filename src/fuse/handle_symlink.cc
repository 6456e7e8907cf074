// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_symlink(fuse_req_t handle, const char* target, fuse_ino_t parent, const char* name) {
  Request request(handle, Operation::k_symlink, true);
  engine::NewInode what;
  what.mode = S_IFLNK | 0777;
  what.link_target = text_of(std::string_view(target));
  make_and_reply(request, parent, name, what);
}

}  // namespace bt::fuse
