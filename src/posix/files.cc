// SPDX-License-Identifier: MIT
#include "posix/files.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/thread.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {
// 512 KiB of which only what is used is ever touched.
constinit DescriptorTable process_table = {};
// Below this, so that the kernel's own table stays small (it is copied at each fork up to its highest number).
constexpr int32_t kHiddenHighest = 1000;

int64_t kernel_dup_from(int32_t fd, int32_t minimum) {
  return raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, minimum);
}
void kernel_close(int32_t fd) { raw_syscall(SYS_close, fd); }

// One word a number; touched where descriptors are in use.
constinit engine::InodeNumber directory_of_opened[DescriptorTable::kSize] = {};

}  // namespace

engine::InodeNumber opened_in(int32_t fd) { return directory_of_opened[fd]; }
void note_opened_in(int32_t fd, engine::InodeNumber directory) {
  directory_of_opened[fd] = directory;
}

constinit Files process_files = {&process_table, 0, 0, {}, 0, 022, {}, {}, {}};

void lock_files(Files& files) {
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n(&files.lock, &expected, 1, false, __ATOMIC_ACQUIRE,
                                  __ATOMIC_RELAXED)) [[likely]]
    return;
  for (int spin = 0; spin < 100; spin++) {
    expected = 0;
    if (__atomic_compare_exchange_n(&files.lock, &expected, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
      return;
    asm volatile("pause");
  }
  while (__atomic_exchange_n(&files.lock, 2, __ATOMIC_ACQUIRE) != 0)
    raw_syscall(SYS_futex, raw_argument(&files.lock), FUTEX_WAIT_PRIVATE, 2, 0);
}

void unlock_files(Files& files) {
  if (__atomic_exchange_n(&files.lock, 0, __ATOMIC_RELEASE) == 2) [[unlikely]]
    raw_syscall(SYS_futex, raw_argument(&files.lock), FUTEX_WAKE_PRIVATE, 1);
}

FilesGuard::FilesGuard(Files& files) : files_(files) { lock_files(files); }
FilesGuard::~FilesGuard() { unlock_files(files_); }

void write_entry(Files& files, int32_t fd, uint64_t entry) {
  uint32_t number = static_cast<uint32_t>(fd);
  uint32_t high = __atomic_load_n(&files.high_water, __ATOMIC_RELAXED);
  while (entry && number >= high &&
         !__atomic_compare_exchange_n(&files.high_water, &high, number + 1, false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED)) {
  }
  __atomic_store_n(&files.table->entry[number], entry, __ATOMIC_RELEASE);
}

uint64_t make_entry(const Mount& mount, engine::DescriptionIndex description, uint32_t flags,
                    bool directory) {
  uint64_t entry = kEntryOurs | static_cast<uint64_t>(mount.index) << 32 | format::raw(description);
  if (flags & O_CLOEXEC) entry |= kEntryCloseOnExec;
  if (directory) entry |= kEntryDirectory;
  if (flags & O_PATH) return entry | kEntryPathOnly;
  uint32_t access = flags & O_ACCMODE;
  if (access == O_RDONLY || access == O_RDWR) entry |= kEntryReadable;
  if (access == O_WRONLY || access == O_RDWR) entry |= kEntryWritable;
  return entry;
}

Result<int32_t> hide_descriptor(Files& files, int32_t fd) {
  int64_t hidden = kernel_dup_from(fd, kHiddenHighest);
  // A low RLIMIT_NOFILE leaves no room up there.
  for (int32_t minimum = kHiddenHighest / 2; hidden < 0 && minimum >= 10; minimum /= 2)
    hidden = kernel_dup_from(fd, minimum);
  kernel_close(fd);
  if (hidden < 0) return Error(static_cast<int>(-hidden));
  if (static_cast<uint64_t>(hidden) >= DescriptorTable::kSize) {
    kernel_close(static_cast<int32_t>(hidden));
    return Error(EMFILE);
  }
  write_entry(files, static_cast<int32_t>(hidden), kEntryReserved);
  return static_cast<int32_t>(hidden);
}

Result<int32_t> mount_root(Files& files, Mount& mount) {
  int32_t& root = files.mount_root[mount.index];
  if (root) return root - 1;
  int64_t fd = raw_syscall(SYS_open, raw_argument(mount.path), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error(static_cast<int>(-fd));
  BT_TRY_ASSIGN(int32_t hidden, hide_descriptor(files, static_cast<int32_t>(fd)));
  root = hidden + 1;
  return hidden;
}

Result<int32_t> take_number(Files& files, Mount& mount, int32_t minimum) {
  int32_t kept = files.pool.take(minimum, files.low_free);
  if (kept >= 0) return kept;
  BT_TRY_ASSIGN(int32_t root, mount_root(files, mount));
  int64_t fd = kernel_dup_from(root, minimum);
  // All numbers between minimum and fd are taken; from 0 on they are so below both bounds.
  if (fd >= 0 && minimum <= files.low_free && fd >= files.low_free)
    __atomic_store_n(&files.low_free, static_cast<int32_t>(fd) + 1, __ATOMIC_RELAXED);
  int32_t lower = files.pool.take(minimum, fd < 0 ? INT32_MAX : static_cast<int32_t>(fd));
  if (lower >= 0) {
    if (fd >= 0) give_number(files, static_cast<int32_t>(fd));
    return lower;
  }
  if (fd < 0) return Error(static_cast<int>(-fd));
  if (static_cast<uint64_t>(fd) >= DescriptorTable::kSize) {
    kernel_close(static_cast<int32_t>(fd));
    return pass(Way::k_passed_no_descriptor);
  }
  return static_cast<int32_t>(fd);
}

void lower_free(Files& files, int32_t fd) {
  if (fd < files.low_free) __atomic_store_n(&files.low_free, fd, __ATOMIC_RELAXED);
}

void give_number(Files& files, int32_t fd) {
  if (static_cast<uint32_t>(fd) < DescriptorTable::kSize - 1 && keep_number(files, fd)) return;
  write_entry(files, fd, 0);
  lower_free(files, fd);
  kernel_close(fd);
}

Result<void> take_this_number(Files& files, Mount& mount, int32_t fd) {
  if (files.pool.take(fd, fd + 1) == fd) return {};
  BT_TRY_ASSIGN(int32_t root, mount_root(files, mount));
  int64_t result = raw_syscall(SYS_dup3, root, fd, O_CLOEXEC);
  if (result < 0) return Error(static_cast<int>(-result));
  return {};
}

void release_pool(Files& files) {
  FilesGuard guard(files);
  if (files.table == first_look.table)
    __atomic_store_n(&first_look.pool_is_filled, 0, __ATOMIC_SEQ_CST);
  for (int32_t fd; (fd = files.pool.take(0, INT32_MAX)) >= 0;) {
    write_entry(files, fd, 0);
    lower_free(files, fd);
    kernel_close(fd);
  }
}

void note_kernel_close(Files& files, int32_t fd) {
  if (fd < 0 || fd >= __atomic_load_n(&files.low_free, __ATOMIC_RELAXED)) return;
  FilesGuard guard(files);
  lower_free(files, fd);
}

bool move_hidden(Files& files, int32_t fd) {
  FilesGuard guard(files);
  if (read_entry(files, static_cast<uint32_t>(fd)) != kEntryReserved) return true;
  if (files.pool.contains(fd)) return true;
  int32_t *root = nullptr, *source = nullptr;
  for (uint32_t i = 0; i < mount_count; i++) {
    if (files.mount_root[i] == fd + 1) root = &files.mount_root[i];
    if (mounts[i].source.root == fd) source = &mounts[i].source.root;
  }
  if (!root && !source) return true;
  // The number is in memory that a vfork child shares with its parent, whose descriptor stays where it is.
  if (source && files.table != first_look.table) return false;
  int64_t moved = kernel_dup_from(fd, fd + 1);
  if (moved < 0 || static_cast<uint64_t>(moved) >= DescriptorTable::kSize) return false;
  write_entry(files, static_cast<int32_t>(moved), kEntryReserved);
  write_entry(files, fd, 0);
  if (root) *root = static_cast<int32_t>(moved) + 1;
  if (source) *source = static_cast<int32_t>(moved);
  kernel_close(fd);
  return true;
}

}  // namespace bt::posix
