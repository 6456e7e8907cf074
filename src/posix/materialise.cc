// SPDX-License-Identifier: MIT
#include "posix/materialise.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "format/hidden_name.h"
#include "metrics/meter.h"
#include "posix/descriptor_path.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

constexpr uint32_t kKeptStatus = O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_PATH;

void close_raw(int32_t fd) { raw_syscall(SYS_close, fd); }

char* put_decimal(char* at, uint32_t value) {
  char digits[12];
  uint32_t count = 0;
  do digits[count++] = static_cast<char>('0' + value % 10);
  while (value /= 10);
  while (count) *at++ = digits[--count];
  return at;
}

char* put_hex(char* at, uint64_t value) {
  uint32_t nibbles = 1;
  while (nibbles < 16 && value >> (4 * nibbles)) nibbles++;
  while (nibbles) *at++ = "0123456789abcdef"[value >> (4 * --nibbles) & 15];
  return at;
}

// format/hidden_name.h
void hidden_name(engine::DescriptionIndex description, engine::InodeNumber inode, uint64_t offset,
                 char (&name)[64]) {
  char* at = name;
  for (const char* head = format::kHiddenPrefix; *head; head++) *at++ = *head;
  at = put_decimal(at, format::raw(description));
  *at++ = '.';
  at = put_hex(at, inode.value);
  *at++ = '.';
  at = put_hex(at, offset);
  *at = 0;
}

Result<int32_t> open_hidden(int32_t root, engine::DescriptionIndex index,
                            const engine::DescriptionRecord& description, uint64_t offset,
                            uint32_t flags) {
  char name[64];
  hidden_name(index, description.inode, offset, name);
  BT_TRY_ASSIGN(int64_t fd,
                from_kernel(raw_syscall(SYS_openat, root, raw_argument(name), flags | O_CLOEXEC)));
  return static_cast<int32_t>(fd);
}

// A directory is opened by its path, for the kernel knows one name a directory and would take the hidden one for it. The path
// starts at the mount point, for the process may have another root by now.
Result<int32_t> open_directory(ThreadState& self, const Mount& mount, int32_t root,
                               engine::InodeNumber inode, uint32_t flags) {
  engine::Context context = context_of(self, const_cast<Mount&>(mount));
  char path[kMountPathMax];
  path[sizeof path - 1] = 0;
  BT_TRY_ASSIGN(uint32_t start, path_of_directory(context, mount, inode, path, sizeof path - 1));
  const char* below = path + start + mount.path_size;
  below = *below ? below + 1 : ".";
  BT_TRY_ASSIGN(int64_t fd, from_kernel(raw_syscall(SYS_openat, root, raw_argument(below),
                                                    flags | O_CLOEXEC | O_DIRECTORY)));
  struct stat attributes;
  raw_syscall(SYS_fstat, fd, raw_argument(&attributes));
  if (attributes.st_ino == engine::shown_number(mount.volume, inode))
    return static_cast<int32_t>(fd);
  close_raw(static_cast<int32_t>(fd));
  return Error(ENOENT);
}

// Puts `fresh` under `fd` with the program's close-on-exec flag.
Result<void> put_under(int32_t fresh, int32_t fd, uint64_t entry) {
  uint32_t flags = entry & kEntryCloseOnExec ? O_CLOEXEC : 0;
  BT_TRY(from_kernel(raw_syscall(SYS_dup3, fresh, fd, flags)));
  return {};
}

bool same_description(uint64_t a, uint64_t b) {
  constexpr uint64_t kWhich = kEntryOurs | 0xffull << 32 | 0xffffffff;
  return (a & kWhich) == (b & kWhich);
}

// One number of the description goes over to the kernel: the volume forgets it.
void forget(ThreadState& self, Files& files, Mount& mount, int32_t fd) {
  write_entry(files, fd, 0);
  // A thread without a slot cannot tell the volume; the reference goes with the session.
  if ((self.attached >> mount.index & 1) == 0) return;
  engine::Context context = context_of(self, mount);
  (void)engine::close_descriptor(context, files.session[mount.index], fd);
}

// A thread without a slot has no counters there.
void count_materialised(const Mount& mount) {
  ThreadState& self = thread_state;
  if (self.attached >> mount.index & 1)
    metrics::count_event(*self.engine[mount.index].block,
                         metrics::Event::k_descriptors_materialised);
}

}  // namespace

Result<int32_t> open_for_kernel(Files& files, uint64_t entry) {
  ThreadState& self = thread_state;
  Mount& mount = entry_mount(entry);
  BT_TRY_ASSIGN(int32_t root, mount_root(files, mount));
  engine::DescriptionIndex index = entry_description(entry);
  engine::DescriptionRecord* description = mount.volume.description(index);
  if (!description) return error::volume_corrupt;
  uint32_t flags = __atomic_load_n(&description->flags, __ATOMIC_RELAXED) & kKeptStatus;
  uint64_t offset = __atomic_load_n(&description->offset, __ATOMIC_RELAXED);
  Result<int32_t> fd = Error(ENOENT);
  if ((entry & kEntryDirectory) && (self.attached >> mount.index & 1))
    fd = open_directory(self, mount, root, description->inode, flags);
  if (!fd) fd = open_hidden(root, index, *description, offset, flags);
  if (!fd) return fd.error();
  if ((flags & O_PATH) == 0) raw_syscall(SYS_lseek, *fd, static_cast<int64_t>(offset), SEEK_SET);
  return *fd;
}

Result<int32_t> open_apart(const OpenFile& file, uint64_t purpose) {
  Files& files = *file.self->files;
  FilesGuard guard(files);
  BT_TRY_ASSIGN(int32_t root, mount_root(files, *file.mount));
  return open_hidden(root, file.index, *file.description, purpose, file.flags() & kKeptStatus);
}

Result<void> make_real(Files& files, int32_t fd) {
  FilesGuard guard(files);
  uint64_t entry = read_entry(files, static_cast<uint32_t>(fd));
  if ((entry & kEntryOurs) == 0 || (entry & kEntryReal)) return {};
  BT_TRY_ASSIGN(int32_t fresh, open_for_kernel(files, entry));
  auto put = put_under(fresh, fd, kEntryCloseOnExec);
  close_raw(fresh);
  if (!put) return put;
  write_entry(files, fd, entry | kEntryReal);
  count_materialised(entry_mount(entry));
  return {};
}

Result<void> hand_to_kernel(Files& files, int32_t fd) {
  ThreadState& self = thread_state;
  // Before the files' lock, which the first call of a thread takes itself.
  if (uint64_t seen = read_entry(files, static_cast<uint32_t>(fd)); seen & kEntryOurs)
    (void)enter(self, entry_mount(seen));
  FilesGuard guard(files);
  uint64_t entry = read_entry(files, static_cast<uint32_t>(fd));
  if ((entry & kEntryOurs) == 0) return {};
  Mount& mount = entry_mount(entry);
  BT_TRY_ASSIGN(int32_t fresh, open_for_kernel(files, entry));
  Result<void> result;
  for (uint32_t number = 0; number < files.high_water; number++) {
    uint64_t other = read_entry(files, number);
    if (!same_description(other, entry)) continue;
    result = put_under(fresh, static_cast<int32_t>(number), other);
    if (!result) break;
    forget(self, files, mount, static_cast<int32_t>(number));
    count_materialised(mount);
  }
  close_raw(fresh);
  return result;
}

bool hand_all_to_kernel(Files& files) {
  bool all = true;
  for (uint32_t number = 0; number < files.high_water; number++)
    if (read_entry(files, number) & kEntryOurs)
      all &= hand_to_kernel(files, static_cast<int32_t>(number)).has_value();
  return all;
}

}  // namespace bt::posix
