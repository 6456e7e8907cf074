// SPDX-License-Identifier: MIT
#include "posix/cwd.h"

#include <sys/syscall.h>

#include "base/syscall.h"
#include "engine/descriptions.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

// Two words that belong together; `seq` is odd while they change. Writers hold process_files.lock.
struct State {
  uint64_t seq;
  uint32_t mount;  // index + 1, 0 = elsewhere
  uint64_t inode;
};
State state;

// Where the working directory stands above a mount: that mount, and how much of its path the directory covers.
uint32_t above_mount;      // index + 1
uint32_t above_size;       // bytes of the mount's path up to and with the slash behind the directory

uint32_t mask_kept = 022;

void publish(uint32_t mount, uint64_t inode) {
  __atomic_store_n(&state.seq, state.seq + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&state.mount, mount, __ATOMIC_RELAXED);
  __atomic_store_n(&state.inode, inode, __ATOMIC_RELAXED);
  __atomic_store_n(&state.seq, state.seq + 1, __ATOMIC_RELEASE);
  first_look.cwd_is_ours = mount != 0;
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
  for (;;) {
    uint64_t seq = __atomic_load_n(&state.seq, __ATOMIC_ACQUIRE);
    uint32_t mount = __atomic_load_n(&state.mount, __ATOMIC_RELAXED);
    uint64_t inode = __atomic_load_n(&state.inode, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
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
  FilesGuard guard(process_files);
  publish(mount.index + 1, inode.value);
  first_look.cwd_above_ours = 0;
  return {};
}

void leave_mounts() {
  drop_reference();
  char path[kMountPathMax];
  int64_t size = raw_syscall(SYS_getcwd, raw_argument(path), sizeof path);
  FilesGuard guard(process_files);
  publish(0, 0);
  first_look.cwd_above_ours = 0;
  if (size <= 1) return;
  uint32_t length = static_cast<uint32_t>(size - 1);
  if (length == 1) length = 0;  // "/" covers nothing but the slash
  for (uint32_t i = 0; i < mount_count; i++) {
    const Mount& mount = mounts[i];
    if (mount.path_size <= length || mount.path[length] != '/') continue;
    if (!base::equal({mount.path, length}, {path, length})) continue;
    above_mount = i + 1;
    above_size = length + 1;
    first_look.cwd_above_ours = 1;
    return;
  }
}

Mount* mount_below(base::Text path, uint32_t& prefix_size) {
  if (!first_look.cwd_above_ours) return nullptr;
  Mount& mount = mounts[above_mount - 1];
  uint32_t skip = 0;
  while (path.size >= skip + 2 && path[skip] == '.' && path[skip + 1] == '/') {
    skip += 2;
    while (skip < path.size && path[skip] == '/') skip++;
  }
  uint32_t rest = mount.path_size - above_size;
  if (path.size < skip + rest || (path.size > skip + rest && path[skip + rest] != '/')) return nullptr;
  if (!base::equal({mount.path + above_size, rest}, {path.data + skip, rest})) return nullptr;
  prefix_size = skip + rest;
  return &mount;
}

uint32_t current_umask() { return __atomic_load_n(&mask_kept, __ATOMIC_RELAXED); }
void set_umask(uint32_t mask) { __atomic_store_n(&mask_kept, mask & 0777, __ATOMIC_RELAXED); }

}  // namespace bt::posix
