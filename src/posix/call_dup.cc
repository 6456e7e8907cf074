// SPDX-License-Identifier: MIT
// dup, dup2, dup3 in the four mixes of our and the kernel's numbers.
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/close.h"
#include "posix/duplicate.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

uint64_t entry_of_copy(uint64_t entry, bool close_on_exec) {
  entry &= ~(kEntryCloseOnExec | kEntryReal);
  return close_on_exec ? entry | kEntryCloseOnExec : entry;
}

}  // namespace

Result<int32_t> duplicate(uint64_t fd, int32_t minimum, bool close_on_exec) {
  OpenFile file;
  BT_TRY(find_open(fd, file));
  if (minimum < 0) return Error(EINVAL);
  Files& files = *file.self->files;
  FilesGuard guard(files);
  if (!file.is_current(static_cast<uint32_t>(fd))) return Error(EBADF);
  BT_TRY_ASSIGN(int32_t number, take_number(files, *file.mount, minimum));
  engine::Context context = file.context();
  auto copied = engine::copy_descriptor(context, file.session(), static_cast<int32_t>(fd), number,
                                        close_on_exec);
  if (!copied) {
    give_number(files, number);
    return copied.error();
  }
  note_opened_in(number, opened_in(static_cast<int32_t>(fd)));
  write_entry(files, number, entry_of_copy(file.entry, close_on_exec));
  return number;
}

Result<int32_t> duplicate_onto(uint64_t fd, int32_t to, bool close_on_exec) {
  OpenFile file;
  BT_TRY(find_open(fd, file));
  if (static_cast<uint32_t>(to) >= DescriptorTable::kSize) return Error(EBADF);
  Files& files = *file.self->files;
  // Before the files' lock, which the first call of a thread on a mount takes itself.
  if (uint64_t seen = read_entry(files, static_cast<uint32_t>(to)); seen & kEntryOurs)
    (void)enter(*file.self, entry_mount(seen));
  FilesGuard guard(files);
  if (!file.is_current(static_cast<uint32_t>(fd))) return Error(EBADF);
  uint64_t old = read_entry(files, static_cast<uint32_t>(to));
  bool has_placeholder = (old & kEntryOurs) && !(old & kEntryReal);
  // A number of another volume is given up there first; within one volume copying does that itself.
  if ((old & kEntryOurs) && &entry_mount(old) != file.mount &&
      (file.self->attached >> entry_mount(old).index & 1)) {
    engine::Context other = context_of(*file.self, entry_mount(old));
    (void)engine::close_descriptor(other, files.session[entry_mount(old).index], to);
  }
  if (!has_placeholder) BT_TRY(take_this_number(files, *file.mount, to));
  engine::Context context = file.context();
  auto copied =
      engine::copy_descriptor(context, file.session(), static_cast<int32_t>(fd), to, close_on_exec);
  if (!copied) {
    if (!has_placeholder) give_number(files, to);
    return copied.error();
  }
  note_opened_in(to, opened_in(static_cast<int32_t>(fd)));
  write_entry(files, to, entry_of_copy(file.entry, close_on_exec));
  return to;
}

namespace {

bool is_hidden(uint64_t fd) {
  return read_entry(*thread_state.files, static_cast<uint32_t>(fd)) & kEntryReserved;
}

// A number of the kernel's onto one of ours or of the pool: the kernel replaces the placeholder.
int64_t kernel_onto(uint64_t from, uint64_t to, uint32_t flags) {
  ThreadState& self = thread_state;
  Files& files = *self.files;
  uint64_t old = read_entry(files, static_cast<uint32_t>(to));
  if (old == 0 || from == to) return kPassthrough;
  if (old & kEntryReserved) release_pool(files);
  old = read_entry(files, static_cast<uint32_t>(to));
  // A hidden descriptor of ours where the program wants its own: it moves away.
  if ((old & kEntryReserved) && !move_hidden(files, int_of(to))) return -EBADF;
  int64_t result =
      base::raw_syscall(SYS_dup3, static_cast<uint32_t>(from), static_cast<uint32_t>(to), flags);
  if (result < 0 || (old & kEntryOurs) == 0) return result;
  Mount& mount = entry_mount(old);
  // Before the files' lock, which the first call of a thread takes itself.
  bool entered = enter(self, mount).has_value();
  FilesGuard guard(files);
  write_entry(files, int_of(to), 0);
  if (entered) {
    engine::Context context = context_of(self, mount);
    (void)engine::close_descriptor(context, files.session[mount.index], int_of(to));
  }
  return result;
}

int64_t dup_onto(uint64_t from, uint64_t to, uint32_t flags) {
  if (is_hidden(from)) return -EBADF;
  if (!is_ours(from)) return kernel_onto(from, to, flags);
  if (is_hidden(to) && !move_hidden(*thread_state.files, int_of(to))) return -EBADF;
  return answer(duplicate_onto(from, int_of(to), flags & O_CLOEXEC));
}

}  // namespace

BT_SERVE_DESCRIPTOR(dup) {
  if (is_hidden(a)) return -EBADF;
  if (!is_ours(a)) {
    release_pool(*thread_state.files);
    return kPassthrough;
  }
  return answer(duplicate(a, 0, false));
}

BT_SERVE_DESCRIPTOR(dup2) {
  if (uint_of(a) == uint_of(b) && is_ours(a)) return uint_of(a);
  return dup_onto(a, b, 0);
}

BT_SERVE_DESCRIPTOR(dup3) {
  if ((uint_of(c) & ~static_cast<uint32_t>(O_CLOEXEC)) || uint_of(a) == uint_of(b)) return -EINVAL;
  return dup_onto(a, b, uint_of(c));
}

}  // namespace bt::posix
