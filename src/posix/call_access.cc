// SPDX-License-Identifier: MIT
// access, faccessat, faccessat2: asked with the real ids unless AT_EACCESS says otherwise.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

// As the kernel overrides credentials for access(2): root by real id has its permitted capabilities, others none.
engine::Credentials real_credentials(const ThreadState& self) {
  engine::Credentials real = self.credentials;
  real.uid = self.real_uid;
  real.gid = self.real_gid;
  bool is_root = self.real_uid == 0;
  real.dac_override = is_root;
  real.dac_read_search = is_root;
  return real;
}

bool differs(const ThreadState& self) {
  return self.real_uid != self.credentials.uid || self.real_gid != self.credentials.gid;
}

Result<void> check(Walk& walk, uint32_t mask, const engine::Credentials& credentials) {
  engine::Context context{walk.self->engine[walk.mount->index], credentials};
  const engine::Volume& volume = walk.mount->volume;
  if ((mask & W_OK) && volume.is_read_only()) return Error(EROFS);
  if ((mask & X_OK) && S_ISREG(walk.found.mode) &&
      (volume.superblock().options & format::kOptionNoExec))
    return Error(EACCES);
  return mask ? engine::check_access(context, walk.found.inode, mask) : Result<void>();
}

Result<void> access_path(int32_t directory, const char* path, uint32_t mask, uint32_t flags) {
  Walk walk;
  ThreadState& self = thread_state;
  bool real_ids = (flags & AT_EACCESS) == 0;
  // The search permission on the way is asked for with the same ids.
  if (real_ids && self.credentials_epoch && differs(self)) [[unlikely]] {
    engine::Credentials kept = self.credentials;
    self.paths.suspended++;
    self.credentials = real_credentials(self);
    Result<void> result = walk_at(directory, path, walk_flags_of(flags), walk);
    if (result) result = check(walk, mask, self.credentials);
    self.credentials = kept;
    self.paths.suspended--;
    return result;
  }
  BT_TRY(walk_at(directory, path, walk_flags_of(flags), walk));
  return check(walk, mask, self.credentials);
}

int64_t access_checked(int32_t directory, const char* path, uint64_t mode, uint32_t flags) {
  uint32_t mask = uint_of(mode);
  if (mask & ~7u) return -EINVAL;
  if (flags & ~static_cast<uint32_t>(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
    return -EINVAL;
  return answer(access_path(directory, path, mask, flags));
}

}  // namespace

BT_SERVE(access) { return access_checked(AT_FDCWD, pointer_of(a), b, 0); }
BT_SERVE(faccessat) { return access_checked(int_of(a), pointer_of(b), c, 0); }
BT_SERVE(faccessat2) { return access_checked(int_of(a), pointer_of(b), c, uint_of(d)); }

}  // namespace bt::posix
