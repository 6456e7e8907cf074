// SPDX-License-Identifier: MIT
// readlink, readlinkat; also of /proc/self/fd/N when N is ours.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/user_copy.h"
#include "posix/descriptor_path.h"
#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

// What stands behind /proc/self/fd/N. not_ours: no descriptor of ours, or not a directory: the kernel's answer must do.
Result<uint64_t> read_magic(const char* path, char* buffer, uint64_t size) {
  char text[64];
  int64_t length = base::copy_string_from_user(text, path, sizeof text);
  MagicName magic;
  if (length <= 0 || !parse_descriptor_path({text, static_cast<uint32_t>(length)}, magic) ||
      magic.size != static_cast<uint32_t>(length))
    return error::not_ours;
  // /dev/fd is a symbolic link to /proc/self/fd, /dev/stdin to a name in it: only the latter kind says what is open.
  if (text[1] == 'd' && text[5] == 's') return error::not_ours;
  uint32_t fd = static_cast<uint32_t>(magic.fd);
  if (!is_ours(fd)) return error::not_ours;
  OpenFile file;
  BT_TRY(find_open(fd, file));
  engine::Context context = file.context();
  char name[kPathMax];
  BT_TRY_ASSIGN(uint32_t start, path_of_open_file(context, file, magic.fd, name, sizeof name));
  uint64_t whole = sizeof name - start;
  uint64_t given = whole < size ? whole : size;
  if (!base::copy_to_user(buffer, name + start, given)) return Error(EFAULT);
  return given;
}

Result<uint64_t> read_link_of(Walk& walk, char* buffer, uint64_t size, bool empty) {
  if (!S_ISLNK(walk.found.mode)) return Error(empty ? ENOENT : EINVAL);
  engine::Context context = walk.context();
  char target[kPathMax];
  BT_TRY_ASSIGN(uint64_t whole,
                engine::read_link(context, walk.found.inode, target, sizeof target));
  uint64_t given = whole < size ? whole : size;
  if (!base::copy_to_user(buffer, target, given)) return Error(EFAULT);
  return given;
}

Result<uint64_t> read_link_at(int32_t directory, const char* path, char* buffer, int32_t size) {
  if (size <= 0) return Error(EINVAL);
  Walk walk;
  auto walked = walk_at(directory, path, kWalkEmpty, walk);
  if (!walked && walked.error() == error::not_ours && walk.absolute) {
    auto magic = read_magic(path, buffer, static_cast<uint64_t>(size));
    if (magic || magic.error() != error::not_ours) return magic;
  }
  BT_TRY(walked);
  return read_link_of(walk, buffer, static_cast<uint64_t>(size),
                      walk.kind == LastName::kDescriptor);
}

}  // namespace

BT_SERVE(readlink) {
  return answer(read_link_at(AT_FDCWD, pointer_of(a), pointer_of(b), int_of(c)));
}
BT_SERVE(readlinkat) {
  return answer(read_link_at(int_of(a), pointer_of(b), pointer_of(c), int_of(d)));
}

}  // namespace bt::posix
