// SPDX-License-Identifier: MIT
// close, close_range.
#include <linux/close_range.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/close.h"
#include "posix/process.h"
#include "posix/serve.h"

namespace bt::posix {

Result<void> close_ours(ThreadState& self, int32_t fd, uint64_t entry) {
  Files& files = *self.files;
  Mount& mount = entry_mount(entry);
  // Gone from the table first: whoever still works with the description sees it under its lock.
  if (!__atomic_compare_exchange_n(&files.table->entry[fd], &entry, kEntryReserved, false,
                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    return Error(EBADF);
  Result<void> closed;
  if (enter(self, mount)) {
    engine::Context context = context_of(self, mount);
    closed = engine::close_descriptor(context, files.session[mount.index], fd);
  }
  if (!(entry & kEntryReal) && keep_number(files, fd)) [[likely]]
    return closed;
  FilesGuard guard(files);
  write_entry(files, fd, 0);
  lower_free(files, fd);
  base::raw_syscall(SYS_close, fd);
  return closed;
}

namespace {

// The kernel's numbers in [first, last], around those that are ours or hidden.
int64_t close_kernel_range(Files& files, uint32_t first, uint32_t last, uint32_t flags) {
  uint64_t from = first;
  while (from <= last) {
    uint64_t to = from;
    while (to <= last && to < files.high_water && read_entry(files, to) == 0) to++;
    if (to >= files.high_water) to = static_cast<uint64_t>(last) + 1;
    if (to > from) {
      int64_t result = base::raw_syscall(SYS_close_range, static_cast<int64_t>(from),
                                         static_cast<int64_t>(to - 1), flags);
      if (result < 0) return result;
    }
    from = to + 1;
  }
  return 0;
}

void close_our_range(ThreadState& self, uint32_t first, uint32_t last, bool only_flag) {
  Files& files = *self.files;
  for (uint64_t fd = first; fd <= last && fd < files.high_water; fd++) {
    uint64_t entry = read_entry(files, fd);
    if ((entry & kEntryOurs) == 0) continue;
    if (only_flag)
      (void)set_close_on_exec(self, static_cast<int32_t>(fd), entry, true);
    else
      (void)close_ours(self, static_cast<int32_t>(fd), entry);
  }
}

}  // namespace

Result<void> set_close_on_exec(ThreadState& self, int32_t fd, uint64_t entry, bool on) {
  if (((entry & kEntryCloseOnExec) != 0) == on) return {};
  Mount& mount = entry_mount(entry);
  BT_TRY(enter(self, mount));
  engine::Context context = context_of(self, mount);
  BT_TRY(engine::set_close_on_exec(context, self.files->session[mount.index], fd, on));
  uint64_t changed = on ? entry | kEntryCloseOnExec : entry & ~kEntryCloseOnExec;
  __atomic_compare_exchange_n(&self.files->table->entry[fd], &entry, changed, false,
                              __ATOMIC_RELEASE, __ATOMIC_RELAXED);
  return {};
}

BT_SERVE_DESCRIPTOR(close) {
  ThreadState& self = thread_state;
  uint32_t fd = uint_of(a);
  uint64_t entry = read_entry(*self.files, fd);
  if (entry & kEntryOurs) [[likely]] {
    auto closed = close_ours(self, static_cast<int32_t>(fd), entry);
    // A number is closed whatever became of the rest.
    return closed || closed.error().errno_value() != EBADF ? 0 : -EBADF;
  }
  if (entry & kEntryReserved) return -EBADF;
  note_kernel_close(*self.files, static_cast<int32_t>(fd));
  return kPassthrough;
}

BT_SERVE_DESCRIPTOR(close_range) {
  ThreadState& self = thread_state;
  uint32_t first = uint_of(a), last = uint_of(b), flags = uint_of(c);
  if (first > last || (flags & ~static_cast<uint32_t>(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
    return -EINVAL;
  // A thread that leaves the others' descriptor table has one of its own; we know one a process.
  if (flags & CLOSE_RANGE_UNSHARE) {
    stand_aside(SYS_close_range);
    return kPassthrough;
  }
  bool only_flag = flags & CLOSE_RANGE_CLOEXEC;
  close_our_range(self, first, last, only_flag);
  if (!only_flag) note_kernel_close(*self.files, static_cast<int32_t>(first));
  return close_kernel_range(*self.files, first, last, flags);
}

}  // namespace bt::posix
