// SPDX-License-Identifier: MIT
// COPY_FILE_RANGE: saves the copy through the kernel twice. A long one is cut; the caller goes on with the rest.
#include "engine/data.h"
#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

constexpr size_t kCopyAtOnce = 1 << 20;

}  // namespace

using metrics::Operation;

void handle_copy_file_range(fuse_req_t handle, fuse_ino_t from, off_t from_offset, fuse_file_info*,
                            fuse_ino_t to, off_t to_offset, fuse_file_info*, size_t size, int) {
  Request request(handle, Operation::k_copy, true);
  request.about(inode_of(to));
  size = base::min(size, kCopyAtOnce);
  engine::Piece piece{request.buffer(size), size};
  auto got = engine::read(request.context(), inode_of(from), static_cast<uint64_t>(from_offset),
                          &piece, 1);
  if (!got || *got == 0) return request.reply_written(got);
  piece.size = *got;
  uint64_t end = 0;
  request.reply_written(engine::write(request.context(), inode_of(to),
                                      static_cast<uint64_t>(to_offset), &piece, 1, {}, end));
}

}  // namespace bt::fuse
