// SPDX-License-Identifier: MIT
// write, pwrite64, writev, pwritev, pwritev2.
#include "posix/rwf_flags.h"
#include "posix/serve.h"
#include "posix/transfer.h"

namespace bt::posix {

namespace {

engine::Piece single(uint64_t buffer, uint64_t size) {
  return {pointer_of(buffer), size > kTransferMax ? kTransferMax : size};
}

Result<uint64_t> write_vector(uint64_t fd, uint64_t vector, uint64_t count, bool here,
                              uint64_t offset, uint32_t flags) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (!file.is_writable()) return Error(EBADF);
  Pieces pieces;
  BT_TRY(load_pieces(vector, count, pieces));
  BT_TRY(check_rwf_flags(flags));
  // Only on descriptors with O_APPEND has it a meaning; there the kernel path does it right.
  if (flags & kRwfNoAppend) return Error(EOPNOTSUPP);
  if (pieces.size == 0) return 0;
  bool append = flags & kRwfAppend;
  return here ? write_here(file, fd, pieces.piece, pieces.count, append)
              : write_at(file, offset, pieces.piece, pieces.count, append);
}

Result<uint64_t> write_one(uint64_t fd, uint64_t buffer, uint64_t size) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (size == 0) return file.is_writable() ? Result<uint64_t>(0) : Result<uint64_t>(Error(EBADF));
  engine::Piece piece = single(buffer, size);
  return write_here(file, fd, &piece, 1, false);
}

Result<uint64_t> pwrite_one(uint64_t fd, uint64_t buffer, uint64_t size, uint64_t offset) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (static_cast<int64_t>(offset) < 0) return Error(EINVAL);
  if (size == 0) return file.is_writable() ? Result<uint64_t>(0) : Result<uint64_t>(Error(EBADF));
  engine::Piece piece = single(buffer, size);
  return write_at(file, offset, &piece, 1, false);
}

}  // namespace

BT_SERVE_DESCRIPTOR(write) { return answer(write_one(a, b, c)); }
BT_SERVE_DESCRIPTOR(pwrite64) { return answer(pwrite_one(a, b, c, d)); }
BT_SERVE_DESCRIPTOR(writev) { return answer(write_vector(a, b, c, true, 0, 0)); }
BT_SERVE_DESCRIPTOR(pwritev) {
  if (static_cast<int64_t>(d) < 0 && is_ours(a)) return -EINVAL;
  return answer(write_vector(a, b, c, false, d, 0));
}
BT_SERVE_DESCRIPTOR(pwritev2) {
  bool here = d == UINT64_MAX;
  if (!here && static_cast<int64_t>(d) < 0 && is_ours(a)) return -EINVAL;
  return answer(write_vector(a, b, c, here, d, uint_of(f)));
}

}  // namespace bt::posix
