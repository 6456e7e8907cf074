// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_link(fuse_req_t handle, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  Request request(handle, Operation::k_link, true);
  request.about(inode_of(parent), name);
  Attributes after;
  if (request.was_executed())
    return request.reply_entry(engine::read_attributes(request.context(), inode_of(node), after),
                               after);
  request.reply_entry(engine::link(request.context(), inode_of(node), inode_of(parent),
                                   text_of(std::string_view(name)), after),
                      after);
}

}  // namespace bt::fuse
