// SPDX-License-Identifier: MIT
// READ. What the kernel reads for a page of its own is nobody's read at an offset, has no lock owner, and marks the file
// (engine/kernel_pages.h).
#include <fcntl.h>

#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_read(fuse_req_t handle, fuse_ino_t node, size_t size, off_t offset,
                 fuse_file_info* file) {
  Request request(handle, Operation::k_read, false, true);
  request.about(inode_of(node));
  bool is_page = file->lock_owner == 0;
  if (is_page) {
    auto noted = engine::note_kernel_pages(request.context(), inode_of(node),
                                           (file->flags & O_ACCMODE) == O_RDWR);
    if (!noted) return request.reply_error(noted.error());
  }
  engine::Piece piece{request.buffer(size), size};
  OffsetInUse place(request.server().shared_offsets(), request.context(), is_page ? 0 : file->fh,
                    static_cast<uint64_t>(offset), false);
  auto got = engine::read(request.context(), inode_of(node), place.offset(), &piece, 1);
  if (!got) return request.reply_error(got.error());
  place.end_at(place.offset() + *got, *got);
  if (*got && !(file->flags & O_NOATIME) && !request.server().options().no_atime)
    engine::touch_atime(request.context(), inode_of(node));
  request.reply_data(piece.data, *got);
}

}  // namespace bt::fuse
