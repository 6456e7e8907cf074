// SPDX-License-Identifier: MIT
// read, pread64, readv, preadv, preadv2.
#include "posix/rwf_flags.h"
#include "posix/serve.h"
#include "posix/transfer.h"

namespace bt::posix {

namespace {

engine::Piece single(uint64_t buffer, uint64_t size) {
  return {pointer_of(buffer), size > kTransferMax ? kTransferMax : size};
}

Result<uint64_t> read_vector(uint64_t fd, uint64_t vector, uint64_t count, bool here,
                             uint64_t offset, uint32_t flags) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (!file.is_readable()) return Error(EBADF);
  Pieces pieces;
  BT_TRY(load_pieces(vector, count, pieces));
  BT_TRY(check_rwf_flags(flags));
  if (pieces.size == 0 && !file.is_directory()) return 0;
  return here ? read_here(file, fd, pieces.piece, pieces.count)
              : read_at(file, offset, pieces.piece, pieces.count);
}

Result<uint64_t> read_one(uint64_t fd, uint64_t buffer, uint64_t size) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  engine::Piece piece = single(buffer, size);
  return read_here(file, fd, &piece, 1);
}

Result<uint64_t> pread_one(uint64_t fd, uint64_t buffer, uint64_t size, uint64_t offset) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  engine::Piece piece = single(buffer, size);
  return read_at(file, offset, &piece, 1);
}

}  // namespace

BT_SERVE_DESCRIPTOR(read) { return answer(read_one(a, b, c)); }
BT_SERVE_DESCRIPTOR(pread64) { return answer(pread_one(a, b, c, d)); }
BT_SERVE_DESCRIPTOR(readv) { return answer(read_vector(a, b, c, true, 0, 0)); }
BT_SERVE_DESCRIPTOR(preadv) {
  if (static_cast<int64_t>(d) < 0 && is_ours(a)) return -EINVAL;
  return answer(read_vector(a, b, c, false, d, 0));
}
BT_SERVE_DESCRIPTOR(preadv2) {
  bool here = d == UINT64_MAX;
  if (!here && static_cast<int64_t>(d) < 0 && is_ours(a)) return -EINVAL;
  return answer(read_vector(a, b, c, here, d, uint_of(f)));
}

}  // namespace bt::posix
