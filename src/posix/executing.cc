// SPDX-License-Identifier: MIT
#include "posix/executing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/new_name.h"

namespace bt::posix {

using base::raw_syscall;

Result<void> check_not_executing(Walk& walk, int32_t directory, const char* path) {
  constexpr uint32_t kMayExecute = S_IXUSR | S_IXGRP | S_IXOTH;
  if (!S_ISREG(walk.found.mode) || !(walk.found.mode & kMayExecute)) [[likely]]
    return {};
  if (!is_known_to_kernel(*walk.mount, walk.found.inode)) return {};
  // The kernel would start at the placeholder.
  if (!walk.absolute && directory != AT_FDCWD && is_ours(static_cast<uint32_t>(directory)))
    return {};
  int64_t fd = raw_syscall(SYS_openat, directory, base::raw_argument(path),
                           O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd == -ETXTBSY) return Error(ETXTBSY);
  if (fd >= 0) raw_syscall(SYS_close, fd);
  return {};
}

}  // namespace bt::posix
