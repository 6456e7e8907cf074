// SPDX-License-Identifier: MIT
// stat, lstat, fstat, newfstatat, statx.
#include <fcntl.h>
#include <linux/stat.h>

#include "base/user_copy.h"
#include "engine/read_attributes.h"
#include "posix/attributes.h"
#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

constexpr uint32_t kSyncType = 0x6000;  // AT_STATX_SYNC_TYPE

[[gnu::always_inline]] inline Result<void> read_of_descriptor(uint64_t fd, OpenFile& file,
                                                              engine::Attributes& attributes) {
  BT_TRY(find_open(fd, file));
  engine::Context context = file.context();
  return engine::read_attributes_inline(context, file.inode, attributes);
}

Result<void> read_of_path(int32_t directory, const char* path, uint32_t flags, Walk& walk,
                          engine::Attributes& attributes) {
  BT_TRY(walk_at(directory, path, flags, walk));
  engine::Context context = walk.context();
  return engine::read_attributes_inline(context, walk.found.inode, attributes);
}

Result<void> stat_descriptor(uint64_t fd, void* buffer) {
  OpenFile file;
  engine::Attributes attributes;
  BT_TRY(read_of_descriptor(fd, file, attributes));
  return give_stat(*file.mount, attributes, buffer);
}

Result<void> stat_path(int32_t directory, const char* path, void* buffer, uint32_t flags) {
  Walk walk;
  engine::Attributes attributes;
  BT_TRY(read_of_path(directory, path, flags, walk, attributes));
  return give_stat(*walk.mount, attributes, buffer);
}

// libc's fstat: no walk for an empty name.
bool is_empty(const char* path) {
  uint8_t first;
  return path && base::load_user_u8(path, first) && first == 0;
}

Result<void> statx_path(int32_t directory, const char* path, uint32_t flags, void* buffer) {
  Walk walk;
  engine::Attributes attributes;
  BT_TRY(read_of_path(directory, path, walk_flags_of(flags), walk, attributes));
  return give_statx(*walk.mount, attributes, buffer);
}

}  // namespace

BT_SERVE(stat) { return answer(stat_path(AT_FDCWD, pointer_of(a), pointer_of(b), kWalkFollow)); }
BT_SERVE(lstat) { return answer(stat_path(AT_FDCWD, pointer_of(a), pointer_of(b), 0)); }
BT_SERVE_DESCRIPTOR(fstat) { return answer(stat_descriptor(a, pointer_of(b))); }

BT_SERVE(newfstatat) {
  uint32_t flags = uint_of(d);
  if ((flags & AT_EMPTY_PATH) && int_of(a) >= 0 && is_empty(pointer_of(b)))
    return answer(stat_descriptor(uint_of(a), pointer_of(c)));
  if (flags &
      ~static_cast<uint32_t>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | kSyncType))
    return -EINVAL;
  return answer(stat_path(int_of(a), pointer_of(b), pointer_of(c), walk_flags_of(flags)));
}

BT_SERVE(statx) {
  uint32_t flags = uint_of(c);
  if (flags &
      ~static_cast<uint32_t>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | kSyncType))
    return -EINVAL;
  if ((flags & kSyncType) == kSyncType || (uint_of(d) & STATX__RESERVED)) return -EINVAL;
  return answer(statx_path(int_of(a), pointer_of(b), flags, pointer_of(e)));
}

}  // namespace bt::posix
