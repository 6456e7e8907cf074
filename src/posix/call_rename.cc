// SPDX-License-Identifier: MIT
// rename, renameat, renameat2. What crosses a mount's border goes to the kernel, which answers EXDEV. So does the move of a
// directory that the kernel has seen, for its working directories and descriptors must follow.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "posix/new_name.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

constexpr uint32_t kKnownFlags = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;

struct Ends {
  int32_t from_directory, to_directory;
  Walk from, to;
};

// Both directory descriptors must mean to the kernel what they mean to the program.
Error pass_both(Ends& ends, Way reason) {
  Error error = pass_at(ends.from_directory, reason, ends.from);
  if (error != error::not_ours) return error;
  return pass_at(ends.to_directory, reason, ends.to);
}

// Is what the walk ended at a directory that must move through the kernel? `is_directory` is out.
Result<bool> needs_kernel(Walk& walk, bool& is_directory) {
  engine::Context context = walk.context();
  engine::Found found;
  BT_TRY(engine::lookup(context, walk.directory, walk.last, found));
  is_directory = S_ISDIR(found.mode);
  return is_directory && is_known_to_kernel(*walk.mount, found.inode);
}

Result<void> walk_both(Ends& ends, const char* from, const char* to, uint32_t flags) {
  int dot = flags & RENAME_NOREPLACE ? EEXIST : EBUSY;
  auto first = walk_to_old_name(ends.from_directory, from, EBUSY, EBUSY, ends.from);
  if (!first && first.error() != error::not_ours) return first;
  auto second = walk_to_old_name(ends.to_directory, to, dot, dot, ends.to);
  if (!first || (!second && second.error() == error::not_ours))
    return pass_both(ends, Way::k_passed_mount_crossing);
  return second;
}

Result<void> rename_at(Ends& ends, const char* from, const char* to, uint32_t flags) {
  if ((flags & ~kKnownFlags) ||
      ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))))
    return Error(EINVAL);
  ends.to.absolute = false;
  BT_TRY(walk_both(ends, from, to, flags));
  if (ends.from.mount != ends.to.mount) return Error(EXDEV);
  if (flags & RENAME_WHITEOUT) return pass_both(ends, Way::k_passed_unsupported);
  bool from_is_directory = false, to_is_directory = false;
  BT_TRY_ASSIGN(bool through_kernel, needs_kernel(ends.from, from_is_directory));
  auto target = needs_kernel(ends.to, to_is_directory);
  through_kernel |= target.value_or(false);
  if (!from_is_directory &&
      (ends.from.trailing_slash || (!(flags & RENAME_EXCHANGE) && ends.to.trailing_slash))) {
    if (target && (flags & RENAME_NOREPLACE)) return Error(EEXIST);
    return Error(ENOTDIR);
  }
  if ((flags & RENAME_EXCHANGE) && target && !to_is_directory && ends.to.trailing_slash)
    return Error(ENOTDIR);
  if (through_kernel) return pass_both(ends, Way::k_passed_other);
  engine::Context context = ends.from.context();
  return engine::rename(context, ends.from.directory, ends.from.last, ends.to.directory,
                        ends.to.last, flags);
}

int64_t rename_between(int32_t from_directory, uint64_t from, int32_t to_directory, uint64_t to,
                       uint32_t flags) {
  Ends ends;
  ends.from_directory = from_directory;
  ends.to_directory = to_directory;
  return answer(rename_at(ends, pointer_of(from), pointer_of(to), flags));
}

}  // namespace

BT_SERVE(rename) { return rename_between(AT_FDCWD, a, AT_FDCWD, b, 0); }
BT_SERVE(renameat) { return rename_between(int_of(a), b, int_of(c), d, 0); }
BT_SERVE(renameat2) { return rename_between(int_of(a), b, int_of(c), d, uint_of(e)); }

}  // namespace bt::posix
