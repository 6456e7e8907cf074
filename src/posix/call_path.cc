// SPDX-License-Identifier: MIT
#include "posix/call_path.h"

#include <sys/syscall.h>

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/cwd.h"
#include "posix/descriptor_path.h"
#include "posix/thread.h"

namespace bt::posix {
namespace {

using base::raw_argument;
using base::raw_syscall;

uint64_t name_of(const Mount* mount) { return mount ? mount->index + 1 : 0; }

// Both of ours write to the end of a buffer; callers want it at the start.
uint32_t move_to_start(char* out, uint32_t start, uint32_t size) {
  for (uint32_t i = start; i < size; i++) out[i - start] = out[i];
  return size - start;
}

uint32_t kernel_working_directory(char* out, uint32_t size) {
  int64_t length = raw_syscall(SYS_getcwd, raw_argument(out), size);
  return length > 1 && out[0] == '/' ? static_cast<uint32_t>(length - 1) : 0;
}

uint32_t working_directory_text(char* out, uint32_t size) {
  ThreadState& self = thread_state;
  WorkingDirectory here = working_directory();
  if (!here.mount || !enter(self, *here.mount)) return kernel_working_directory(out, size);
  engine::Context context = context_of(self, *here.mount);
  auto start = path_of_directory(context, *here.mount, here.inode, out, size);
  return start ? move_to_start(out, *start, size) : 0;
}

// The kernel keeps the path of its own descriptors.
uint32_t kernel_descriptor_path(int32_t fd, char* out, uint32_t size) {
  char name[32] = "/proc/self/fd/";
  char digits[12];
  uint32_t count = 0, at = 14;
  auto value = static_cast<uint32_t>(fd);
  do digits[count++] = static_cast<char>('0' + value % 10);
  while (value /= 10);
  while (count) name[at++] = digits[--count];
  int64_t length = raw_syscall(SYS_readlink, raw_argument(name), raw_argument(out), size);
  return length > 0 && out[0] == '/' ? static_cast<uint32_t>(length) : 0;
}

uint32_t descriptor_text(int32_t fd, char* out, uint32_t size) {
  if (!is_ours(static_cast<uint32_t>(fd))) return kernel_descriptor_path(fd, out, size);
  OpenFile file;
  if (!find_open(static_cast<uint32_t>(fd), file)) return 0;
  engine::Context context = file.context();
  auto start = path_of_open_file(context, file, fd, out, size);
  return start ? move_to_start(out, *start, size) : 0;
}

}  // namespace

CallTarget target_of_call(int32_t fd, const char* path) {
  uint8_t first = 0;
  if (path && !base::load_user_u8(path, first)) return {};
  if (first == '/') {
    if (!path_may_be_ours(path)) return {};
    char text[kMountPathMax];
    int64_t size = base::copy_string_from_user(text, path, sizeof text);
    uint32_t prefix;
    if (size < 0) return {};
    return {name_of(match_mount({text, static_cast<uint32_t>(size)}, prefix)), 0};
  }
  if (fd < 0) return {path ? name_of(working_directory().mount) : 0, 0};
  uint64_t entry = read_entry(*thread_state.files, static_cast<uint32_t>(fd));
  if ((entry & kEntryOurs) == 0) return {};
  Mount& mount = entry_mount(entry);
  engine::DescriptionRecord* description = mount.volume.description(entry_description(entry));
  if (path || !description) return {name_of(&mount), 0};
  engine::InodeNumber inode{__atomic_load_n(&description->inode.value, __ATOMIC_RELAXED)};
  return {name_of(&mount), engine::shown_number(mount.volume, inode)};
}

uint32_t path_of_call(int32_t directory, const char* path, char* out, uint32_t size) {
  uint32_t length =
      directory < 0 ? working_directory_text(out, size) : descriptor_text(directory, out, size);
  if (!length || !path) return length;
  if (length + 2 > size) return 0;
  out[length++] = '/';
  int64_t rest = base::copy_string_from_user(out + length, path, size - length);
  return rest < 0 ? 0 : length + static_cast<uint32_t>(rest);
}

void make_room_for_kernel() {
  if (first_look.attached) release_pool(*thread_state.files);
}

}  // namespace bt::posix
