// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_read(fuse_req_t handle, fuse_ino_t node, size_t size, off_t offset,
                 fuse_file_info* file) {
  Request request(handle, Operation::k_read, false, true);
  request.about(inode_of(node));
  engine::Piece piece{request.buffer(size), size};
  auto got =
      engine::read(request.context(), inode_of(node), static_cast<uint64_t>(offset), &piece, 1);
  if (!got) return request.reply_error(got.error());
  if (*got && !(file->flags & O_NOATIME) && !request.server().options().no_atime)
    engine::touch_atime(request.context(), inode_of(node));
  request.reply_data(piece.data, *got);
}

}  // namespace bt::fuse
