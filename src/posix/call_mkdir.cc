// SPDX-License-Identifier: MIT
// mkdir, mkdirat.
#include <fcntl.h>
#include <sys/stat.h>

#include "posix/cwd.h"
#include "posix/new_name.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

Result<void> make_directory(int32_t directory, const char* path, uint32_t mode) {
  Walk walk;
  BT_TRY(walk_to_new_name(directory, path, walk));
  engine::Context context = walk.context();
  engine::NewInode what;
  what.mode = S_IFDIR | (mode & 01777);
  what.umask = current_umask();
  engine::Attributes made;
  return engine::create(context, walk.directory, walk.last, what, made);
}

}  // namespace

BT_SERVE(mkdir) { return answer(make_directory(AT_FDCWD, pointer_of(a), uint_of(b))); }
BT_SERVE(mkdirat) { return answer(make_directory(int_of(a), pointer_of(b), uint_of(c))); }

}  // namespace bt::posix
