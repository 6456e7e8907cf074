// SPDX-License-Identifier: MIT
// LSEEK: SEEK_DATA and SEEK_HOLE; the other kinds the kernel does itself.
#include <unistd.h>

#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_lseek(fuse_req_t handle, fuse_ino_t node, off_t offset, int whence, fuse_file_info*) {
  Request request(handle, Operation::k_seek, false, true);
  request.about(inode_of(node));
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return request.reply_error(Error(EINVAL));
  request.reply_offset(engine::seek_data(request.context(), inode_of(node),
                                         static_cast<uint64_t>(offset), whence == SEEK_HOLE));
}

}  // namespace bt::fuse
