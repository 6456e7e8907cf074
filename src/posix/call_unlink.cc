// SPDX-License-Identifier: MIT
// unlink, rmdir, unlinkat.
#include <fcntl.h>
#include <sys/stat.h>

#include "posix/new_name.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

Result<void> unlink_at(int32_t directory, const char* path) {
  Walk walk;
  BT_TRY(walk_to_old_name(directory, path, EISDIR, EISDIR, walk));
  engine::Context context = walk.context();
  if (walk.trailing_slash) [[unlikely]] {
    engine::Found found;
    BT_TRY(engine::lookup(context, walk.directory, walk.last, found));
    return Error(S_ISDIR(found.mode) ? EISDIR : ENOTDIR);
  }
  return engine::unlink(context, walk.directory, walk.last);
}

Result<void> remove_directory_at(int32_t directory, const char* path) {
  Walk walk;
  BT_TRY(walk_to_old_name(directory, path, EINVAL, ENOTEMPTY, walk));
  engine::Context context = walk.context();
  engine::Found found;
  BT_TRY(engine::lookup(context, walk.directory, walk.last, found));
  if (S_ISDIR(found.mode) && is_known_to_kernel(*walk.mount, found.inode))
    return pass_at(directory, Way::k_passed_other, walk);
  return engine::remove_directory(context, walk.directory, walk.last);
}

}  // namespace

BT_SERVE(unlink) { return answer(unlink_at(AT_FDCWD, pointer_of(a))); }
BT_SERVE(rmdir) { return answer(remove_directory_at(AT_FDCWD, pointer_of(a))); }

BT_SERVE(unlinkat) {
  uint32_t flags = uint_of(c);
  if (flags & ~static_cast<uint32_t>(AT_REMOVEDIR)) return -EINVAL;
  if (flags) return answer(remove_directory_at(int_of(a), pointer_of(b)));
  return answer(unlink_at(int_of(a), pointer_of(b)));
}

}  // namespace bt::posix
