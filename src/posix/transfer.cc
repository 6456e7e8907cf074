// SPDX-License-Identifier: MIT
#include "posix/transfer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/rwf_flags.h"
#include "posix/through_kernel.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

uint64_t size_limit = UINT64_MAX;

Result<void> check_readable(const OpenFile& file) {
  if (!file.is_readable()) return Error(EBADF);
  if (file.is_directory()) return Error(EISDIR);
  return {};
}

Result<void> check_offset(uint64_t offset) {
  if (static_cast<int64_t>(offset) < 0) return Error(EINVAL);
  return {};
}

void note_read(const OpenFile& file, engine::Context& context) {
  if ((file.flags() & O_NOATIME) == 0) engine::touch_atime(context, file.inode);
}

// Pieces are laid out as struct iovec.
uint64_t address_of(const engine::Piece* pieces) { return reinterpret_cast<uint64_t>(pieces); }

Result<uint64_t> read_bytes(const OpenFile& file, uint64_t offset, const engine::Piece* pieces,
                            uint32_t count) {
  engine::Context context = file.context();
  auto result = engine::read(context, file.inode, offset, pieces, count);
  if (result) [[likely]]
    note_read(file, context);
  else if (is_for_kernel(result.error()))
    return through_kernel(file, SYS_preadv, address_of(pieces), count, offset);
  return result;
}

Result<uint64_t> write_through_kernel(const OpenFile& file, uint64_t offset,
                                      const engine::Piece* pieces, uint32_t count, bool append,
                                      uint64_t& end) {
  BT_TRY_ASSIGN(uint64_t written, through_kernel(file, SYS_pwritev2, address_of(pieces), count,
                                                 offset, 0, append ? kRwfAppend : 0));
  end = offset + written;
  if (!append) return written;
  // Where it went, unless somebody has appended behind it already.
  engine::Context context = file.context();
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, file.inode, attributes));
  end = attributes.size;
  return written;
}

Result<uint64_t> write_bytes(const OpenFile& file, uint64_t offset, const engine::Piece* pieces,
                             uint32_t count, bool append, uint64_t& end) {
  engine::Context context = file.context();
  engine::WriteOptions options;
  options.append = append;
  options.size_limit = size_limit;
  auto result = engine::write(context, file.inode, offset, pieces, count, options, end);
  if (!result && is_for_kernel(result.error()))
    return write_through_kernel(file, offset, pieces, count, append, end);
  if (!result && size_limit != UINT64_MAX && result.error().errno_value() == EFBIG)
    return exceed_file_size_limit();
  return result;
}

bool appends(const OpenFile& file, bool append) { return append || (file.flags() & O_APPEND); }

// The offset's lock, for a descriptor that is still what it was.
Result<void> hold_offset(const OpenFile& file, uint64_t fd, engine::OffsetLock& lock) {
  engine::Context context = file.context();
  BT_TRY(engine::OffsetLock::acquire(context, file.index, lock));
  if (!file.is_current(static_cast<uint32_t>(fd))) [[unlikely]]
    return Error(EBADF);
  return {};
}

}  // namespace

uint64_t file_size_limit() { return size_limit; }

void read_file_size_limit() {
  struct rlimit limit;
  if (raw_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, raw_argument(&limit)) == 0)
    __atomic_store_n(&size_limit, limit.rlim_cur, __ATOMIC_RELAXED);
}

Error exceed_file_size_limit() {
  raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), SIGXFSZ);
  return Error(EFBIG);
}

Result<void> load_pieces(uint64_t vector, uint64_t count, Pieces& pieces) {
  static_assert(sizeof(engine::Piece) == sizeof(iovec), "laid out as struct iovec");
  count = static_cast<uint32_t>(count);
  if (count > kPiecesMax) return Error(EINVAL);
  if (!base::copy_from_user(pieces.piece, reinterpret_cast<void*>(vector),
                            count * sizeof(engine::Piece)))
    return Error(EFAULT);
  pieces.count = static_cast<uint32_t>(count);
  pieces.size = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t& size = pieces.piece[i].size;
    if (static_cast<int64_t>(size) < 0) return Error(EINVAL);
    if (size > kTransferMax - pieces.size) size = kTransferMax - pieces.size;
    pieces.size += size;
  }
  return {};
}

Result<uint64_t> read_here(const OpenFile& file, uint64_t fd, const engine::Piece* pieces,
                           uint32_t count) {
  BT_TRY(check_readable(file));
  engine::OffsetLock lock;
  BT_TRY(hold_offset(file, fd, lock));
  uint64_t offset = lock.offset();
  BT_TRY_ASSIGN(uint64_t size, read_bytes(file, offset, pieces, count));
  if (size) lock.set_offset(offset + size);
  return size;
}

Result<uint64_t> write_here(const OpenFile& file, uint64_t fd, const engine::Piece* pieces,
                            uint32_t count, bool append) {
  if (!file.is_writable()) return Error(EBADF);
  engine::OffsetLock lock;
  BT_TRY(hold_offset(file, fd, lock));
  uint64_t end = 0;
  BT_TRY_ASSIGN(uint64_t size,
                write_bytes(file, lock.offset(), pieces, count, appends(file, append), end));
  if (size) lock.set_offset(end);
  return size;
}

Result<uint64_t> read_at(const OpenFile& file, uint64_t offset, const engine::Piece* pieces,
                         uint32_t count) {
  BT_TRY(check_offset(offset));
  BT_TRY(check_readable(file));
  return read_bytes(file, offset, pieces, count);
}

Result<uint64_t> write_at(const OpenFile& file, uint64_t offset, const engine::Piece* pieces,
                          uint32_t count, bool append) {
  BT_TRY(check_offset(offset));
  if (!file.is_writable()) return Error(EBADF);
  uint64_t end = 0;
  return write_bytes(file, offset, pieces, count, appends(file, append), end);
}

}  // namespace bt::posix
