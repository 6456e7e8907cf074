// SPDX-License-Identifier: MIT
#include "posix/descriptor_path.h"

#include <sys/syscall.h>

#include "base/syscall.h"

namespace bt::posix {

using base::Text;

namespace {

// Advances `at` over `word` when the path goes on with it.
bool take_word(Text path, uint32_t& at, const char* word) {
  uint32_t i = at;
  for (; *word; word++, i++)
    if (i >= path.size || path[i] != *word) return false;
  at = i;
  return true;
}

bool take_number(Text path, uint32_t& at, uint64_t& number) {
  uint32_t first = at;
  number = 0;
  while (at < path.size && path[at] >= '0' && path[at] <= '9' && at - first < 9)
    number = number * 10 + static_cast<uint64_t>(path[at++] - '0');
  return at > first;
}

bool take_process(Text path, uint32_t& at) {
  if (!take_word(path, at, "/proc/")) return false;
  if (take_word(path, at, "self/") || take_word(path, at, "thread-self/"))
    return take_word(path, at, "fd/");
  uint64_t pid;
  if (!take_number(path, at, pid)) return false;
  return static_cast<int64_t>(pid) == base::raw_syscall(SYS_getpid) && take_word(path, at, "/fd/");
}

// The name under which `child` stands in `parent`.
struct Search {
  engine::InodeNumber child;
  char* name;
  uint32_t size;
};
bool compare_entry(void* argument, const engine::ListedName& entry) {
  Search& search = *static_cast<Search*>(argument);
  if (entry.inode != search.child || entry.cookie <= 2) return true;
  search.size = entry.name_size;
  for (uint32_t i = 0; i < entry.name_size; i++) search.name[i] = entry.name[i];
  return false;
}

Result<uint32_t> name_in(engine::Context& context, engine::InodeNumber parent,
                         engine::InodeNumber child, char* name) {
  Search search{child, name, 0};
  engine::DentryIndex hint{};
  auto listed = engine::list(context, parent, 0, hint, compare_entry, &search);
  if (!listed && listed.error().errno_value() != ENOENT) return listed.error();
  if (!search.size) return Error(ENOENT);
  return search.size;
}

}  // namespace

bool parse_descriptor_path(Text path, MagicName& magic) {
  uint32_t at = 0;
  uint64_t number = 0;
  if (take_word(path, at, "/dev/stdin")) {
    number = 0;
  } else if (take_word(path, at, "/dev/stdout")) {
    number = 1;
  } else if (take_word(path, at, "/dev/stderr")) {
    number = 2;
  } else if (take_word(path, at, "/dev/fd/") || take_process(path, at)) {
    if (!take_number(path, at, number)) return false;
  } else {
    return false;
  }
  if (at < path.size && path[at] != '/') return false;
  magic = {static_cast<int32_t>(number), at};
  return true;
}

Result<uint32_t> path_of_directory(engine::Context& context, const Mount& mount,
                                   engine::InodeNumber directory, char* buffer, uint32_t size) {
  // Asking for names needs no right to read the directories in between: the kernel's getcwd does not either.
  engine::Credentials all = context.credentials;
  all.trusted = true;
  engine::Context trusted{context.thread, all};
  uint32_t at = size;
  while (directory != engine::kRootInode) {
    engine::Attributes attributes;
    BT_TRY(engine::read_attributes(trusted, directory, attributes));
    if (attributes.nlink == 0) return Error(ENOENT);
    BT_TRY_ASSIGN(engine::InodeNumber parent, engine::parent_of(trusted, directory));
    char name[256];
    BT_TRY_ASSIGN(uint32_t name_size, name_in(trusted, parent, directory, name));
    if (at < name_size + 1) return Error(ENAMETOOLONG);
    at -= name_size + 1;
    buffer[at] = '/';
    for (uint32_t i = 0; i < name_size; i++) buffer[at + 1 + i] = name[i];
    directory = parent;
  }
  if (at < mount.path_size) return Error(ENAMETOOLONG);
  at -= mount.path_size;
  for (uint32_t i = 0; i < mount.path_size; i++) buffer[at + i] = mount.path[i];
  return at;
}

Result<uint32_t> path_of_open_file(engine::Context& context, const OpenFile& file, int32_t fd,
                                   char* buffer, uint32_t size) {
  if (file.is_directory()) return path_of_directory(context, *file.mount, file.inode, buffer, size);
  engine::InodeNumber parent = opened_in(fd);
  if (!parent) return error::not_ours;
  engine::Credentials all = context.credentials;
  all.trusted = true;
  engine::Context trusted{context.thread, all};
  char name[256];
  auto name_size = name_in(trusted, parent, file.inode, name);
  if (!name_size) return error::not_ours;
  BT_TRY_ASSIGN(uint32_t start,
                path_of_directory(trusted, *file.mount, parent, buffer, size - *name_size - 1));
  uint32_t length = size - *name_size - 1 - start;
  buffer[start + length] = '/';
  for (uint32_t i = 0; i < *name_size; i++) buffer[start + length + 1 + i] = name[i];
  return start;
}

}  // namespace bt::posix
