// SPDX-License-Identifier: MIT
// fcntl: duplication, flags and record locks here; what only the kernel knows (notification, owners, hints) on the file
// itself.
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/close.h"
#include "posix/duplicate.h"
#include "posix/locks.h"
#include "posix/materialise.h"
#include "posix/serve.h"

#ifndef F_DUPFD_QUERY  // Linux 6.10
#define F_DUPFD_QUERY 1027
#endif
#ifndef F_CREATED_QUERY  // Linux 6.12
#define F_CREATED_QUERY 1028
#endif

namespace bt::posix {

using base::raw_syscall;

namespace {

constexpr uint32_t kSettable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
constexpr uint32_t kNeverShown = O_TRUNC | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC;

Result<uint32_t> set_flags(const OpenFile& file, uint32_t flags) {
  uint32_t old = file.flags();
  if ((flags & O_NOATIME) && !(old & O_NOATIME)) {
    engine::Context context = file.context();
    engine::Attributes attributes;
    BT_TRY(engine::read_attributes(context, file.inode, attributes));
    if (context.credentials.uid != attributes.uid && !context.credentials.fowner)
      return Error(EPERM);
  }
  uint32_t changed = (old & ~kSettable) | (flags & kSettable);
  __atomic_store_n(&file.description->flags, changed, __ATOMIC_RELAXED);
  return 0u;
}

Result<uint32_t> on_the_kernels(const OpenFile& file, uint64_t fd) {
  BT_TRY(make_real(*file.self->files, int_of(fd)));
  return pass(Way::k_passed_kernel_descriptor);
}

Result<uint32_t> is_same_description(const OpenFile& file, uint64_t other) {
  uint64_t entry = read_entry(*file.self->files, uint_of(other));
  if (entry & kEntryOurs)
    return uint32_t{&entry_mount(entry) == file.mount && entry_description(entry) == file.index};
  BT_TRY(from_kernel(raw_syscall(SYS_fcntl, int_of(other), F_GETFD)));
  return 0u;
}

// What an O_PATH descriptor allows, and everything else on others.
Result<uint32_t> control(const OpenFile& file, uint64_t fd, uint32_t command, uint64_t argument) {
  switch (command) {
    case F_GETFD:
      return file.entry & kEntryCloseOnExec ? FD_CLOEXEC : 0u;
    case F_SETFD: {
      BT_TRY(set_close_on_exec(*file.self, int_of(fd), file.entry, argument & FD_CLOEXEC));
      return 0u;
    }
    case F_GETFL:
      return file.flags() & ~kNeverShown;
    case F_DUPFD_QUERY:
      return is_same_description(file, argument);
    case F_CREATED_QUERY:
      return uint32_t{(file.flags() & O_CREAT) != 0};
    default:
      break;
  }
  if (file.is_path_only()) return Error(EBADF);
  switch (command) {
    case F_SETFL:
      return set_flags(file, uint_of(argument));
    case F_GETLK:
    case F_OFD_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: {
      BT_TRY(record_lock(file, command, argument));
      return 0u;
    }
    case F_ADD_SEALS:
    case F_GET_SEALS:
      return Error(EINVAL);
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
      return Error(EBADF);
    // What we cannot keep we do not give: opens in-process break no lease.
    case F_GETLEASE:
      return uint32_t{F_UNLCK};
    case F_SETLEASE:
      return Error(argument == F_UNLCK ? EAGAIN : EINVAL);
    case F_GETOWN:
    case F_SETOWN:
    case F_GETOWN_EX:
    case F_SETOWN_EX:
    case F_GETSIG:
    case F_SETSIG:
    case F_NOTIFY:
    case F_GET_RW_HINT:
    case F_SET_RW_HINT:
    case F_GET_FILE_RW_HINT:
    case F_SET_FILE_RW_HINT:
      return on_the_kernels(file, fd);
    default:
      return Error(EINVAL);
  }
}

Result<int32_t> fcntl_ours(uint64_t fd, uint32_t command, uint64_t argument) {
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
    return duplicate(fd, int_of(argument), command == F_DUPFD_CLOEXEC);
  OpenFile file;
  BT_TRY(find_open(fd, file));
  BT_TRY_ASSIGN(uint32_t result, control(file, fd, command, argument));
  return static_cast<int32_t>(result);
}

}  // namespace

BT_SERVE_DESCRIPTOR(fcntl) {
  uint32_t command = uint_of(b);
  auto result = fcntl_ours(a, command, c);
  if (!result && result.error() == error::not_ours &&
      (command == F_DUPFD || command == F_DUPFD_CLOEXEC))
    release_pool(*thread_state.files);
  return answer(result);
}

}  // namespace bt::posix
