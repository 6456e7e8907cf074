// SPDX-License-Identifier: MIT
// lseek, also to data and holes, and in directories, whose offsets are cookies.
#include <unistd.h>

#include "posix/serve.h"

namespace bt::posix {

namespace {

Result<uint64_t> sum(uint64_t base, int64_t offset) {
  int64_t result;
  if (__builtin_add_overflow(static_cast<int64_t>(base), offset, &result)) return Error(EINVAL);
  if (result < 0) return Error(EINVAL);
  return static_cast<uint64_t>(result);
}

Result<uint64_t> new_offset(const OpenFile& file, uint64_t now, int64_t offset, uint32_t whence) {
  engine::Context context = file.context();
  switch (whence) {
    case SEEK_SET:
      return offset < 0 ? Result<uint64_t>(Error(EINVAL)) : static_cast<uint64_t>(offset);
    case SEEK_CUR:
      return sum(now, offset);
    case SEEK_END: {
      if (file.is_directory()) return Error(EINVAL);
      engine::Attributes attributes;
      BT_TRY(engine::read_attributes(context, file.inode, attributes));
      return sum(attributes.size, offset);
    }
    case SEEK_DATA:
    case SEEK_HOLE:
      if (file.is_directory()) return Error(EINVAL);
      if (offset < 0) return Error(ENXIO);
      return engine::seek_data(context, file.inode, static_cast<uint64_t>(offset),
                               whence == SEEK_HOLE);
    default:
      return Error(EINVAL);
  }
}

Result<uint64_t> seek(uint64_t fd, int64_t offset, uint32_t whence) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  engine::Context context = file.context();
  engine::OffsetLock lock;
  BT_TRY(engine::OffsetLock::acquire(context, file.index, lock));
  if (!file.is_current(static_cast<uint32_t>(fd))) return Error(EBADF);
  BT_TRY_ASSIGN(uint64_t target, new_offset(file, lock.offset(), offset, whence));
  if (target != lock.offset()) lock.set_offset(target);
  return target;
}

}  // namespace

BT_SERVE_DESCRIPTOR(lseek) { return answer(seek(a, static_cast<int64_t>(b), uint_of(c))); }

}  // namespace bt::posix
