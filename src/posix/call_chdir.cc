// SPDX-License-Identifier: MIT
// chdir, fchdir, getcwd, umask. The kernel changes directory first: what it refuses has not happened.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/cwd.h"
#include "posix/descriptor_path.h"
#include "posix/materialise.h"
#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

// Where the kernel stands now must be where the walk ended: a rename in between would make them differ.
Result<void> follow_kernel(Mount& mount, engine::InodeNumber inode) {
  struct stat here;
  BT_TRY(from_kernel(raw_syscall(SYS_stat, raw_argument("."), raw_argument(&here))));
  if (here.st_dev != mount.device || here.st_ino != engine::shown_number(mount.volume, inode)) {
    find_working_directory();
    return {};
  }
  return enter_directory(mount, inode);
}

// The kernel is sent there by a path of our making, for the program's may be relative to a directory that it knows
// under an old name.
Result<void> send_kernel(engine::Context& context, const Mount& mount, engine::InodeNumber inode) {
  char path[kMountPathMax];
  path[sizeof path - 1] = 0;
  BT_TRY_ASSIGN(uint32_t start, path_of_directory(context, mount, inode, path, sizeof path - 1));
  BT_TRY(from_kernel(raw_syscall(SYS_chdir, raw_argument(path + start))));
  return {};
}

Result<void> enter_inode(Mount& mount, engine::InodeNumber inode) {
  engine::Context context = context_of(thread_state, mount);
  BT_TRY(engine::check_access(context, inode, 1));
  BT_TRY(send_kernel(context, mount, inode));
  return follow_kernel(mount, inode);
}

Result<void> change_to_path(const char* path) {
  Walk walk;
  auto walked = walk_path(AT_FDCWD, path, kWalkFollow, walk);
  if (!walked && walked.error() == error::not_ours) {
    BT_TRY(from_kernel(raw_syscall(SYS_chdir, raw_argument(path))));
    find_working_directory();
    return {};
  }
  BT_TRY(walked);
  if (!S_ISDIR(walk.found.mode)) return Error(ENOTDIR);
  return enter_inode(*walk.mount, walk.found.inode);
}

Result<void> change_to_descriptor(uint64_t fd) {
  OpenFile file;
  auto found = find_open(fd, file);
  if (!found && found.error() == error::not_ours) {
    BT_TRY(from_kernel(raw_syscall(SYS_fchdir, static_cast<int64_t>(fd))));
    find_working_directory();
    return {};
  }
  BT_TRY(found);
  if (!file.is_directory()) return Error(ENOTDIR);
  return enter_inode(*file.mount, file.inode);
}

Result<uint64_t> working_directory_path(char* buffer, uint64_t size) {
  WorkingDirectory here = working_directory();
  if (!here.mount) return pass(Way::k_passed_other);
  BT_TRY(enter(thread_state, *here.mount));
  engine::Context context = context_of(thread_state, *here.mount);
  char path[kMountPathMax];
  path[sizeof path - 1] = 0;
  BT_TRY_ASSIGN(uint32_t start,
                path_of_directory(context, *here.mount, here.inode, path, sizeof path - 1));
  uint64_t length = sizeof path - start;
  if (length > size) return Error(ERANGE);
  if (!base::copy_to_user(buffer, path + start, length)) return Error(EFAULT);
  return length;
}

}  // namespace

BT_SERVE(chdir) { return answer(change_to_path(pointer_of(a))); }
BT_SERVE(fchdir) { return answer(change_to_descriptor(a)); }
BT_SERVE(getcwd) { return answer(working_directory_path(pointer_of(a), b)); }

BT_SERVE(umask) {
  int64_t old = raw_syscall(SYS_umask, int_of(a));
  set_umask(uint_of(a));
  return old;
}

}  // namespace bt::posix
