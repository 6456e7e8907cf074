// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_forget_multi(fuse_req_t handle, size_t count, fuse_forget_data* forgets) {
  Request request(handle, Operation::k_forget, false, true);
  for (size_t i = 0; i < count; i++)
    (void)engine::forget_kernel_lookups(request.context(), inode_of(forgets[i].ino),
                                        forgets[i].nlookup);
  request.reply_none();
}

}  // namespace bt::fuse
