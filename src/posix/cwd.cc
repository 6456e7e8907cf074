// SPDX-License-Identifier: MIT
#include "posix/cwd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fence.h"
#include "base/syscall.h"
#include "engine/descriptions.h"
#include "posix/walk.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

void publish(Files& files, uint32_t mount, uint64_t inode) {
  WorkingDirectoryState& state = files.cwd;
  __atomic_store_n(&state.seq, state.seq + 1, __ATOMIC_RELAXED);
  base::fence<__ATOMIC_RELEASE>();
  __atomic_store_n(&state.mount, mount, __ATOMIC_RELAXED);
  __atomic_store_n(&state.inode, inode, __ATOMIC_RELAXED);
  __atomic_store_n(&state.seq, state.seq + 1, __ATOMIC_RELEASE);
  state.above_mount = 0;
  first_look.cwd_is_ours = mount != 0;
  first_look.cwd_above_ours = 0;
}

void drop_reference() {
  WorkingDirectory old = working_directory();
  ThreadState& self = thread_state;
  if (!old.mount || !enter(self, *old.mount)) return;
  engine::Context context = context_of(self, *old.mount);
  (void)engine::set_working_directory(context, self.files->session[old.mount->index], {});
}

}  // namespace

WorkingDirectory working_directory() {
  const WorkingDirectoryState& state = thread_state.files->cwd;
  for (;;) {
    uint64_t seq = __atomic_load_n(&state.seq, __ATOMIC_ACQUIRE);
    uint32_t mount = __atomic_load_n(&state.mount, __ATOMIC_RELAXED);
    uint64_t inode = __atomic_load_n(&state.inode, __ATOMIC_RELAXED);
    base::fence<__ATOMIC_ACQUIRE>();
    if ((seq & 1) == 0 && __atomic_load_n(&state.seq, __ATOMIC_RELAXED) == seq)
      return {mount ? &mounts[mount - 1] : nullptr, {inode}};
    asm volatile("pause");
  }
}

Result<void> enter_directory(Mount& mount, engine::InodeNumber inode) {
  ThreadState& self = thread_state;
  WorkingDirectory old = working_directory();
  if (old.mount && old.mount != &mount) drop_reference();
  engine::Context context = context_of(self, mount);
  BT_TRY(engine::set_working_directory(context, self.files->session[mount.index], inode));
  FilesGuard guard(*self.files);
  publish(*self.files, mount.index + 1, inode.value);
  return {};
}

namespace {

// The kernel's working directory. A path that leads there now is not proof: the inode must be the same.
bool enter_mount_at(const char* path, uint32_t size) {
  uint32_t prefix;
  if (!match_mount({path, size}, prefix)) return false;
  Walk walk;
  if (!walk_path(AT_FDCWD, path, 0, walk) || !S_ISDIR(walk.found.mode)) return false;
  struct stat here;
  if (raw_syscall(SYS_stat, raw_argument("."), raw_argument(&here)) < 0) return false;
  if (here.st_dev != walk.mount->device ||
      here.st_ino != engine::shown_number(walk.mount->volume, walk.found.inode))
    return false;
  return enter_directory(*walk.mount, walk.found.inode).has_value();
}

// It may lie above a mount, so that relative paths lead into it.
void leave_mounts(const char* path, uint32_t size) {
  drop_reference();
  Files& files = *thread_state.files;
  FilesGuard guard(files);
  publish(files, 0, 0);
  if (size == 0) return;
  if (size == 1) size = 0;  // "/" covers nothing but the slash
  for (uint32_t i = 0; i < mount_count; i++) {
    const Mount& mount = mounts[i];
    if (mount.path_size <= size || mount.path[size] != '/') continue;
    if (!base::equal({mount.path, size}, {path, size})) continue;
    files.cwd.above_mount = i + 1;
    files.cwd.above_size = size + 1;
    first_look.cwd_above_ours = 1;
    return;
  }
}

}  // namespace

void find_working_directory() {
  char path[kMountPathMax];
  int64_t length = raw_syscall(SYS_getcwd, raw_argument(path), sizeof path);
  auto size = static_cast<uint32_t>(length > 1 ? length - 1 : 0);
  if (!enter_mount_at(path, size)) leave_mounts(path, size);
}

Mount* mount_below(base::Text path, uint32_t& prefix_size) {
  const WorkingDirectoryState& state = thread_state.files->cwd;
  if (!state.above_mount) return nullptr;
  Mount& mount = mounts[state.above_mount - 1];
  uint32_t skip = 0;
  while (path.size >= skip + 2 && path[skip] == '.' && path[skip + 1] == '/') {
    skip += 2;
    while (skip < path.size && path[skip] == '/') skip++;
  }
  uint32_t rest = mount.path_size - state.above_size;
  if (path.size < skip + rest || (path.size > skip + rest && path[skip + rest] != '/'))
    return nullptr;
  if (!base::equal({mount.path + state.above_size, rest}, {path.data + skip, rest})) return nullptr;
  prefix_size = skip + rest;
  return &mount;
}

void adopt_directory(Files& files, const Mount& mount, engine::InodeNumber inode) {
  publish(files, mount.index + 1, inode.value);
}

uint32_t current_umask() { return __atomic_load_n(&thread_state.files->umask, __ATOMIC_RELAXED); }
void set_umask(uint32_t mask) {
  __atomic_store_n(&thread_state.files->umask, mask & 0777, __ATOMIC_RELAXED);
}

}  // namespace bt::posix
