// SPDX-License-Identifier: MIT
// Changes of user, groups and capabilities: the kernel makes them, then credentials are read anew. Changes of root or of
// namespaces: the kernel makes them, and names mean something else from then on, so the process stands aside. What the kernel
// refuses changes nothing.
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/syscall.h"
#include "posix/process.h"
#include "posix/serve.h"
#include "posix/transfer.h"
#include "posix/walk.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

int64_t change_identity(int64_t number, uint64_t a, uint64_t b, uint64_t c) {
  int64_t result = raw_syscall(number, static_cast<int64_t>(a), static_cast<int64_t>(b),
                               static_cast<int64_t>(c));
  forget_credentials();
  return result;
}

int64_t change_world(int64_t number, uint64_t a, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0,
                     uint64_t e = 0) {
  keep_mount_roots();
  int64_t result =
      raw_syscall(number, static_cast<int64_t>(a), static_cast<int64_t>(b), static_cast<int64_t>(c),
                  static_cast<int64_t>(d), static_cast<int64_t>(e));
  if (result >= 0) stand_aside(static_cast<uint32_t>(number));
  return result;
}

}  // namespace

#define BT_SERVE_IDENTITY(name) \
  BT_SERVE(name) { return change_identity(SYS_##name, a, b, c); }
BT_SERVE_IDENTITY(setuid)
BT_SERVE_IDENTITY(setgid)
BT_SERVE_IDENTITY(setreuid)
BT_SERVE_IDENTITY(setregid)
BT_SERVE_IDENTITY(setresuid)
BT_SERVE_IDENTITY(setresgid)
BT_SERVE_IDENTITY(setfsuid)
BT_SERVE_IDENTITY(setfsgid)
BT_SERVE_IDENTITY(setgroups)
BT_SERVE_IDENTITY(capset)
#undef BT_SERVE_IDENTITY

BT_SERVE(chroot) { return change_world(SYS_chroot, a); }
BT_SERVE(pivot_root) { return change_world(SYS_pivot_root, a, b); }
// A descriptor of ours is no namespace; of its placeholder the kernel would say EBADF.
BT_SERVE(setns) { return is_ours(a) ? -EINVAL : change_world(SYS_setns, a, b); }
BT_SERVE(unshare) {
  constexpr uint64_t kMatters = CLONE_NEWNS | CLONE_NEWUSER | CLONE_FS;
  if (!(a & CLONE_FILES)) return a & kMatters ? change_world(SYS_unshare, a) : kPassthrough;
  // A thread with a table of descriptors of its own: ours become the kernel's while all threads have the same, and after all
  // that could be refused.
  if (uint64_t others = a & ~static_cast<uint64_t>(CLONE_FILES)) {
    keep_mount_roots();
    int64_t result = raw_syscall(SYS_unshare, static_cast<int64_t>(others));
    if (result < 0) return result;
  }
  stand_aside(SYS_unshare);
  return raw_syscall(SYS_unshare, CLONE_FILES);
}
// Something mounted over a directory of ours hides what we would find there. Others learn it from the daemon, when that has
// read the table of mounts; which it does not if it is in another namespace of mounts.
BT_SERVE(mount) {
  Walk walk;
  if (!walk_path(AT_FDCWD, pointer_of(b), kWalkFollow, walk)) return kPassthrough;
  const uint32_t& mounts_read = walk.mount->volume.superblock().mounts_read;
  uint32_t seen = __atomic_load_n(&mounts_read, __ATOMIC_ACQUIRE);
  int64_t result = change_world(SYS_mount, a, b, c, d, e);
  constexpr uint32_t kWaitMs = 50;
  for (uint32_t i = 0; i < kWaitMs && result >= 0; i++) {
    if (__atomic_load_n(&mounts_read, __ATOMIC_ACQUIRE) != seen) break;
    timespec pause{0, 1'000'000};
    raw_syscall(SYS_nanosleep, base::raw_argument(&pause), 0);
  }
  return result;
}
BT_SERVE(umount2) { return kPassthrough; }

// The kernel's answer counts; we only want to know the new file size limit.
BT_SERVE(prlimit64) {
  int64_t result = raw_syscall(SYS_prlimit64, static_cast<int64_t>(a), static_cast<int64_t>(b),
                               static_cast<int64_t>(c), static_cast<int64_t>(d));
  if (result == 0 && uint_of(b) == RLIMIT_FSIZE) read_file_size_limit();
  return result;
}
BT_SERVE(setrlimit) {
  int64_t result = raw_syscall(SYS_setrlimit, static_cast<int64_t>(a), static_cast<int64_t>(b));
  if (result == 0 && uint_of(a) == RLIMIT_FSIZE) read_file_size_limit();
  return result;
}

}  // namespace bt::posix
