// SPDX-License-Identifier: MIT
// WRITE. With O_APPEND the kernel's offset is a guess (it does not see in-process appends) and the engine's end counts. A page of a
// mapping that is written back (writepage) has an offset of its own, and nobody's credentials.
#include <fcntl.h>

#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_write(fuse_req_t handle, fuse_ino_t node, const char* data, size_t size, off_t offset,
                  fuse_file_info* file) {
  Request request(handle, Operation::k_write, true, file->writepage);
  request.about(inode_of(node));
  uint64_t done = 0;
  bool executed = request.was_executed(done);
  if (done > size) done = size;
  if (executed && done == size) return request.reply_written(size);
  // Cut between two transactions by a crash: the rest is written where the first part ended.
  engine::Piece piece{const_cast<char*>(data) + done, size - done};
  engine::WriteOptions options;
  options.append = (file->flags & O_APPEND) && !file->writepage;
  OffsetInUse place(request.server().shared_offsets(), request.context(),
                    file->writepage ? 0 : file->fh, static_cast<uint64_t>(offset), options.append);
  uint64_t end = 0;
  auto written = engine::write(request.context(), inode_of(node), place.offset() + done, &piece, 1,
                               options, end);
  if (written) place.end_at(end, *written + done);
  request.reply_written(written ? Result<uint64_t>(*written + done) : written);
}

}  // namespace bt::fuse
