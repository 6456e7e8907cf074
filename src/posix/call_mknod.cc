// SPDX-License-Identifier: MIT
// mknod, mknodat: files, FIFOs, sockets and device nodes are made here; opening the special ones is the kernel's.
#include <fcntl.h>
#include <sys/stat.h>

#include "posix/cwd.h"
#include "posix/new_name.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

Result<void> make_node(int32_t directory, const char* path, uint32_t mode, uint32_t device) {
  if ((mode & S_IFMT) == 0) mode |= S_IFREG;
  uint32_t type = mode & S_IFMT;
  if (type == S_IFDIR) return Error(EPERM);
  if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK)
    return Error(EINVAL);
  Walk walk;
  BT_TRY(walk_to_new_file_name(directory, path, walk));
  engine::Context context = walk.context();
  engine::NewInode what;
  what.mode = type | (mode & 07777);
  what.umask = current_umask();
  what.rdev = type == S_IFCHR || type == S_IFBLK ? device : 0;
  engine::Attributes made;
  return engine::create(context, walk.directory, walk.last, what, made);
}

}  // namespace

BT_SERVE(mknod) {
  return answer(make_node(AT_FDCWD, pointer_of(a), uint_of(b) & 0xffff, uint_of(c)));
}
BT_SERVE(mknodat) {
  return answer(make_node(int_of(a), pointer_of(b), uint_of(c) & 0xffff, uint_of(d)));
}

}  // namespace bt::posix
