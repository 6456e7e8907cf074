// SPDX-License-Identifier: MIT
// Reading and writing through a descriptor: what read, write and all their relatives share.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

inline constexpr uint64_t kTransferMax = 0x7ffff000;  // what the kernel moves in one call
inline constexpr uint32_t kPiecesMax = 1024;          // UIO_MAXIOV

struct Pieces {
  engine::Piece piece[kPiecesMax];
  uint32_t count;
  uint64_t size;
};
// Copies and checks an iovec array; what is beyond kTransferMax is cut off. EINVAL, EFAULT.
Result<void> load_pieces(uint64_t vector, uint64_t count, Pieces& pieces);

// At the shared offset, which moves. EBADF, EISDIR, EFAULT …
Result<uint64_t> read_here(const OpenFile& file, uint64_t fd, const engine::Piece* pieces,
                           uint32_t count);
Result<uint64_t> write_here(const OpenFile& file, uint64_t fd, const engine::Piece* pieces,
                            uint32_t count, bool append);
// At `offset`. EINVAL when it is negative.
Result<uint64_t> read_at(const OpenFile& file, uint64_t offset, const engine::Piece* pieces,
                         uint32_t count);
Result<uint64_t> write_at(const OpenFile& file, uint64_t offset, const engine::Piece* pieces,
                          uint32_t count, bool append);

// RLIMIT_FSIZE; kept up to date by prlimit64 and setrlimit.
uint64_t file_size_limit();
void read_file_size_limit();
// SIGXFSZ for this thread; returns EFBIG.
Error exceed_file_size_limit();

}  // namespace bt::posix
