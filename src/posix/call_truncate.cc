// SPDX-License-Identifier: MIT
// truncate, ftruncate, fallocate.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include "posix/executing.h"
#include "posix/mapping.h"
#include "posix/serve.h"
#include "posix/through_kernel.h"
#include "posix/transfer.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

using engine::AttributeChange;
using format::kPageSizeBytes;

AttributeChange size_change(uint64_t size, bool by_descriptor) {
  AttributeChange change;
  change.which = AttributeChange::kSize;
  change.size = size;
  change.by_descriptor = by_descriptor;
  return change;
}

Result<void> check_limit(uint64_t size, uint64_t now) {
  uint64_t limit = file_size_limit();
  if (limit != UINT64_MAX && size > limit && size > now) [[unlikely]]
    return exceed_file_size_limit();
  return {};
}

// kernel_has_pages: the kernel is to do it.
Result<void> truncate_inode(ThreadState& self, Mount& mount, engine::InodeNumber inode,
                            uint64_t size, bool by_descriptor) {
  engine::Context context = context_of(self, mount);
  if (file_size_limit() != UINT64_MAX) [[unlikely]] {
    engine::Attributes now;
    BT_TRY(engine::read_attributes(context, inode, now));
    BT_TRY(check_limit(size, now.size));
  }
  engine::Attributes after;
  BT_TRY(engine::set_attributes(context, inode, size_change(size, by_descriptor), after));
  drop_file_pages(mount, inode, base::divide_up(size, kPageSizeBytes), UINT64_MAX);
  return {};
}

Result<void> truncate_path(const char* path, int64_t size) {
  if (size < 0) return Error(EINVAL);
  Walk walk;
  BT_TRY(walk_at(AT_FDCWD, path, kWalkFollow, walk));
  if (S_ISDIR(walk.found.mode)) return Error(EISDIR);
  if (!S_ISREG(walk.found.mode)) return Error(EINVAL);
  BT_TRY(check_not_executing(walk, AT_FDCWD, path));
  auto done =
      truncate_inode(*walk.self, *walk.mount, walk.found.inode, static_cast<uint64_t>(size), false);
  if (!done && is_for_kernel(done.error())) return pass(Way::k_passed_unsupported);
  return done;
}

Result<void> truncate_descriptor(uint64_t fd, int64_t size) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (size < 0 || file.is_directory() || !file.is_writable()) return Error(EINVAL);
  auto bytes = static_cast<uint64_t>(size);
  return or_through_kernel(truncate_inode(*file.self, *file.mount, file.inode, bytes, true), file,
                           SYS_ftruncate, bytes);
}

Result<void> allocate(uint64_t fd, uint32_t mode, int64_t offset, int64_t size) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (offset < 0 || size <= 0) return Error(EINVAL);
  if (!file.is_writable()) return Error(EBADF);
  if (file.is_directory()) return Error(EISDIR);
  if (static_cast<uint64_t>(offset) + static_cast<uint64_t>(size) > INT64_MAX) return Error(EFBIG);
  engine::Context context = file.context();
  auto result = engine::allocate_range(context, file.inode, mode, static_cast<uint64_t>(offset),
                                       static_cast<uint64_t>(size), file_size_limit());
  if (!result && is_for_kernel(result.error()))
    return or_through_kernel(result, file, SYS_fallocate, mode, static_cast<uint64_t>(offset),
                             static_cast<uint64_t>(size));
  if (!result && result.error().errno_value() == EFBIG && file_size_limit() != UINT64_MAX)
    return exceed_file_size_limit();
  constexpr uint32_t kMoves = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
  if (result && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | kMoves))) {
    uint64_t end = static_cast<uint64_t>(offset) + static_cast<uint64_t>(size);
    drop_file_pages(*file.mount, file.inode,
                    base::divide_up(static_cast<uint64_t>(offset), kPageSizeBytes),
                    mode & kMoves ? UINT64_MAX : end / kPageSizeBytes);
  }
  return result;
}

}  // namespace

BT_SERVE(truncate) { return answer(truncate_path(pointer_of(a), static_cast<int64_t>(b))); }
BT_SERVE_DESCRIPTOR(ftruncate) { return answer(truncate_descriptor(a, static_cast<int64_t>(b))); }
BT_SERVE_DESCRIPTOR(fallocate) {
  return answer(allocate(a, uint_of(b), static_cast<int64_t>(c), static_cast<int64_t>(d)));
}

}  // namespace bt::posix
