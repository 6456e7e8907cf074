// SPDX-License-Identifier: MIT
// fsync, fdatasync, sync_file_range, syncfs, fadvise64, readahead: a scratch volume has nothing below memory, so all that
// is left is to judge the arguments. With an origin the daemon does the work: the kernel path is taken.
#include <fcntl.h>

#include "posix/materialise.h"
#include "posix/serve.h"
#include "posix/through_kernel.h"

namespace bt::posix {

namespace {

constexpr uint32_t kKnownRangeFlags =
    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

Result<void> sync_descriptor(uint64_t fd) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (!file.mount->volume.origin()) [[likely]]
    return {};
  engine::Context context = context_of(*file.self, *file.mount);
  return or_through_kernel(engine::sync_file(context, file.inode), file, SYS_fsync);
}

Result<void> sync_everything(uint64_t fd) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  engine::Context context = context_of(*file.self, *file.mount);
  return engine::sync_volume(context);
}

Result<void> sync_range(uint64_t fd, int64_t offset, int64_t size, uint32_t flags) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (flags & ~kKnownRangeFlags) return Error(EINVAL);
  int64_t end;
  if (offset < 0 || size < 0 || __builtin_add_overflow(offset, size, &end)) return Error(EINVAL);
  return sync_descriptor(fd);
}

Result<void> advise(uint64_t fd, int64_t size, uint32_t advice) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (size < 0 || advice > POSIX_FADV_NOREUSE) return Error(EINVAL);
  return {};
}

Result<void> read_ahead(uint64_t fd) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (!file.is_readable()) return Error(EBADF);
  if (file.is_directory()) return Error(EINVAL);
  return {};
}

}  // namespace

BT_SERVE_DESCRIPTOR(fsync) { return answer(sync_descriptor(a)); }
BT_SERVE_DESCRIPTOR(fdatasync) { return answer(sync_descriptor(a)); }
BT_SERVE_DESCRIPTOR(syncfs) { return answer(sync_everything(a)); }
BT_SERVE_DESCRIPTOR(sync_file_range) {
  return answer(sync_range(a, static_cast<int64_t>(b), static_cast<int64_t>(c), uint_of(d)));
}
BT_SERVE_DESCRIPTOR(fadvise64) { return answer(advise(a, static_cast<int64_t>(c), uint_of(d))); }
BT_SERVE_DESCRIPTOR(readahead) { return answer(read_ahead(a)); }

}  // namespace bt::posix
