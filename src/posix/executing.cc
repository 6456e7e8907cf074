// SPDX-License-Identifier: MIT
#include "posix/executing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/descriptor_path.h"
#include "posix/new_name.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

Result<void> ask_kernel(int32_t directory, const char* path, int32_t flags) {
  int64_t fd = raw_syscall(SYS_openat, directory, base::raw_argument(path),
                           O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
  if (fd == -ETXTBSY) return Error(ETXTBSY);
  if (fd >= 0) raw_syscall(SYS_close, fd);
  return {};
}

// By the path of what was found, as far as it has one. Out of line for the buffer's sake.
[[gnu::noinline]] Result<void> ask_about_found(Walk& walk, const char* path) {
  engine::Context context = walk.context();
  char whole[kPathMax];
  uint32_t end = sizeof whole - 1;
  whole[end] = 0;
  Result<uint32_t> start = Error(ENOENT);
  if (walk.kind == LastName::kDescriptor) {
    MagicName magic;
    OpenFile file;
    if (!parse_descriptor_path(base::text_of(path), magic) ||
        !find_open(static_cast<uint32_t>(magic.fd), file))
      return {};
    start = path_of_open_file(context, file, magic.fd, whole, end);
  } else if (walk.last.size + 1 < end) {
    end -= walk.last.size + 1;
    whole[end] = '/';
    for (uint32_t i = 0; i < walk.last.size; i++) whole[end + 1 + i] = walk.last[i];
    start = path_of_directory(context, *walk.mount, walk.directory, whole, end);
  }
  return start ? ask_kernel(AT_FDCWD, whole + *start, O_NOFOLLOW) : Result<void>();
}

}  // namespace

Result<void> check_not_executing(Walk& walk, int32_t directory, const char* path) {
  constexpr uint32_t kMayExecute = S_IXUSR | S_IXGRP | S_IXOTH;
  if (!S_ISREG(walk.found.mode) || !(walk.found.mode & kMayExecute)) [[likely]]
    return {};
  if (!is_known_to_kernel(*walk.mount, walk.found.inode)) return {};
  // From a descriptor of ours the kernel would start at the placeholder.
  bool from_ours =
      !walk.absolute && directory != AT_FDCWD && is_ours(static_cast<uint32_t>(directory));
  if (from_ours || walk.kind == LastName::kDescriptor) return ask_about_found(walk, path);
  return ask_kernel(directory, path, 0);
}

}  // namespace bt::posix
