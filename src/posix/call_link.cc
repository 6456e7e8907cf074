// SPDX-License-Identifier: MIT
// link, linkat, symlink, symlinkat.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/user_copy.h"
#include "posix/new_name.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

constexpr uint32_t kKnownFlags = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH;

// fs.protected_hardlinks, as every distribution has it: whose file it is not may link it only if it is a plain one that
// they may read and write.
Result<void> may_link(engine::Context& context, const engine::Found& found) {
  const engine::Credentials& credentials = context.credentials;
  if (credentials.uid == found.uid || credentials.fowner) return {};
  constexpr uint32_t kSetGroupAndRun = S_ISGID | S_IXGRP;
  bool plain = S_ISREG(found.mode) && !(found.mode & S_ISUID) &&
               (found.mode & kSetGroupAndRun) != kSetGroupAndRun;
  if (!plain || !engine::check_access(context, found.inode, 6)) return Error(EPERM);
  return {};
}

Result<void> link_at(int32_t from_directory, const char* from, int32_t to_directory, const char* to,
                     uint32_t flags) {
  if (flags & ~kKnownFlags) return Error(EINVAL);
  Walk source, target;
  uint32_t walk_flags = flags & AT_SYMLINK_FOLLOW ? kWalkFollow : 0;
  if (flags & AT_EMPTY_PATH) walk_flags |= kWalkEmpty;
  target.absolute = false;
  auto first = walk_at(from_directory, from, walk_flags, source);
  if (!first && first.error() != error::not_ours) return first;
  auto second = walk_to_new_file_name(to_directory, to, target);
  if (!first || (!second && second.error() == error::not_ours)) {
    Error error = pass_at(from_directory, Way::k_passed_mount_crossing, source);
    return error == error::not_ours ? pass_at(to_directory, Way::k_passed_mount_crossing, target)
                                    : error;
  }
  BT_TRY(second);
  if (source.mount != target.mount) return Error(EXDEV);
  engine::Context context = source.context();
  BT_TRY(may_link(context, source.found));
  engine::Attributes after;
  return engine::link(context, source.found.inode, target.directory, target.last, after);
}

Result<void> symlink_at(const char* text, int32_t directory, const char* path) {
  char target[kPathMax];
  int64_t size = base::copy_string_from_user(target, text, sizeof target);
  if (size < 0) return Error(static_cast<int>(-size));
  if (size == 0) return Error(ENOENT);
  Walk walk;
  BT_TRY(walk_to_new_file_name(directory, path, walk));
  engine::Context context = walk.context();
  engine::NewInode what;
  what.mode = S_IFLNK | 0777;
  what.link_target = {target, static_cast<uint32_t>(size)};
  engine::Attributes made;
  return engine::create(context, walk.directory, walk.last, what, made);
}

}  // namespace

BT_SERVE(link) { return answer(link_at(AT_FDCWD, pointer_of(a), AT_FDCWD, pointer_of(b), 0)); }
BT_SERVE(linkat) {
  return answer(link_at(int_of(a), pointer_of(b), int_of(c), pointer_of(d), uint_of(e)));
}
BT_SERVE(symlink) { return answer(symlink_at(pointer_of(a), AT_FDCWD, pointer_of(b))); }
BT_SERVE(symlinkat) { return answer(symlink_at(pointer_of(a), int_of(b), pointer_of(c))); }

}  // namespace bt::posix
