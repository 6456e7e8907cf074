// SPDX-License-Identifier: MIT
#include "posix/locks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/user_copy.h"
#include "posix/identity.h"
#include "posix/process.h"

namespace bt::posix {

namespace {

// A waiter looks again this often in case it missed a change: nothing depends on it but the time a wait takes.
constexpr uint32_t kWaitMs = 1000;

// struct flock of x86-64.
struct KernelLock {
  int16_t type, whence;
  int32_t padding;
  int64_t start, length;
  int32_t pid, padding2;
};
static_assert(sizeof(KernelLock) == 32);

bool is_of_description(uint32_t command) {
  return command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

engine::LockOwner owner_of(const OpenFile& file, engine::FileLockKind kind) {
  engine::LockOwner owner;
  owner.kind = kind;
  owner.pid = process_identity(*file.self->files).pid;
  owner.value = kind == format::kFileLockPosix
                    ? engine::lock_owner_of(file.mount->volume, file.session())
                    : format::raw(file.index);
  return owner;
}

Result<int64_t> start_of(const OpenFile& file, const KernelLock& lock) {
  switch (lock.whence) {
    case SEEK_SET:
      return 0;
    case SEEK_CUR:
      return static_cast<int64_t>(__atomic_load_n(&file.description->offset, __ATOMIC_RELAXED));
    case SEEK_END: {
      engine::Context context = file.context();
      engine::Attributes attributes;
      BT_TRY(engine::read_attributes(context, file.inode, attributes));
      return static_cast<int64_t>(attributes.size);
    }
    default:
      return Error(EINVAL);
  }
}

// Lengths may be 0 (to the end of everything) or negative (the bytes before start).
Result<void> range_of(const OpenFile& file, const KernelLock& lock, engine::LockRange& range) {
  BT_TRY_ASSIGN(int64_t base, start_of(file, lock));
  int64_t start, end;
  if (__builtin_add_overflow(base, lock.start, &start)) return Error(EOVERFLOW);
  if (start < 0) return Error(EINVAL);
  if (lock.length > 0) {
    if (__builtin_add_overflow(start, lock.length - 1, &end)) return Error(EOVERFLOW);
  } else if (lock.length < 0) {
    end = start - 1;
    if (start + lock.length < 0) return Error(EINVAL);
    start += lock.length;
  } else {
    end = INT64_MAX;
  }
  range.start = static_cast<uint64_t>(start);
  range.end = end == INT64_MAX ? UINT64_MAX : static_cast<uint64_t>(end);
  range.exclusive = lock.type == F_WRLCK;
  return {};
}

// EINTR, or ERESTART (answer.h): a signal is due.
Result<void> look_for_signals() {
  SignalDue due = signal_due ? signal_due() : SignalDue::kNone;
  if (due == SignalDue::kNone) return {};
  return Error(due == SignalDue::kRestarts ? ERESTART : EINTR);
}

Result<void> take(const OpenFile& file, const engine::LockOwner& owner,
                  const engine::LockRange& range, bool waits) {
  engine::Context context = file.context();
  for (;;) {
    uint32_t seen = engine::file_lock_changes(context, file.inode);
    auto taken = engine::set_file_lock(context, file.inode, owner, range);
    if (taken || taken.error().errno_value() != EAGAIN || !waits) return taken;
    // It stays blocked until we leave; one that comes between here and the sleep is seen a second later.
    BT_TRY(look_for_signals());
    auto waited = engine::wait_file_lock(context, file.inode, owner, range, seen, kWaitMs);
    if (!waited && waited.error() == Error(EINTR)) BT_TRY(look_for_signals());
    BT_TRY(waited);
  }
}

Result<void> test(const OpenFile& file, const engine::LockOwner& owner,
                  const engine::LockRange& range, KernelLock& lock) {
  engine::Context context = file.context();
  engine::LockOwner holder;
  engine::LockRange held;
  auto found = engine::test_file_lock(context, file.inode, owner, range, holder, held);
  if (!found && found.error().errno_value() != ENOENT) return found;
  if (!found) {
    lock.type = F_UNLCK;
    return {};
  }
  lock.type = held.exclusive ? F_WRLCK : F_RDLCK;
  lock.whence = SEEK_SET;
  lock.start = static_cast<int64_t>(held.start);
  lock.length = held.end >= INT64_MAX ? 0 : static_cast<int64_t>(held.end - held.start + 1);
  lock.pid = holder.kind == format::kFileLockDescription ? -1 : static_cast<int32_t>(holder.pid);
  return {};
}

Result<void> check_type(const OpenFile& file, const KernelLock& lock, bool tests) {
  if (lock.type != F_RDLCK && lock.type != F_WRLCK && (tests || lock.type != F_UNLCK))
    return Error(EINVAL);
  if (tests) return {};
  if (lock.type == F_RDLCK && !file.is_readable()) return Error(EBADF);
  if (lock.type == F_WRLCK && !file.is_writable()) return Error(EBADF);
  return {};
}

}  // namespace

Result<void> record_lock(const OpenFile& file, uint32_t command, uint64_t argument) {
  KernelLock lock;
  void* place = reinterpret_cast<void*>(argument);
  if (!base::copy_from_user(&lock, place, sizeof lock)) return Error(EFAULT);
  bool tests = command == F_GETLK || command == F_OFD_GETLK;
  bool waits = command == F_SETLKW || command == F_OFD_SETLKW;
  if (is_of_description(command) && lock.pid != 0) return Error(EINVAL);
  BT_TRY(check_type(file, lock, tests));
  engine::LockRange range;
  BT_TRY(range_of(file, lock, range));
  engine::LockOwner owner = owner_of(
      file, is_of_description(command) ? format::kFileLockDescription : format::kFileLockPosix);
  if (tests) {
    BT_TRY(test(file, owner, range, lock));
    return base::copy_to_user(place, &lock, sizeof lock) ? Result<void>()
                                                         : Result<void>(Error(EFAULT));
  }
  if (lock.type != F_UNLCK) return take(file, owner, range, waits);
  engine::Context context = file.context();
  return engine::clear_file_lock(context, file.inode, owner, range);
}

Result<void> whole_lock(const OpenFile& file, uint32_t operation) {
  engine::LockOwner owner = owner_of(file, format::kFileLockFlock);
  engine::LockRange range;
  bool waits = (operation & LOCK_NB) == 0;
  // LOCK_MAND: accepted without effect since Linux 5.15.
  constexpr uint32_t kMandatory = 32;
  if (operation & kMandatory) return {};
  switch (operation & ~static_cast<uint32_t>(LOCK_NB)) {
    case LOCK_SH:
      break;
    case LOCK_EX:
      range.exclusive = true;
      break;
    case LOCK_UN: {
      engine::Context context = file.context();
      return engine::clear_file_lock(context, file.inode, owner, range);
    }
    default:
      return Error(EINVAL);
  }
  return take(file, owner, range, waits);
}

}  // namespace bt::posix
