// SPDX-License-Identifier: MIT
#include "actor.h"

#include <fcntl.h>

#include <cstdio>
#include <cstdlib>

#include "base/assert.h"
#include "engine/cached.h"
#include "engine/permissions.h"
#include "engine/reclaim.h"
#include "shm/token.h"

namespace bt::crash {

namespace {
Text text(const std::string& s) { return {s.data(), static_cast<uint32_t>(s.size())}; }

std::string bytes_of(uint64_t size, char seed) {
  std::string bytes(size, 0);
  for (uint64_t i = 0; i < size; i++) bytes[i] = static_cast<char>(seed + i % 23);
  return bytes;
}
// Lock ranks in debug builds, among others: here they end the run, not the session.
void abort_at_assertion(const char* expression, const char* file, uint32_t line) {
  fprintf(stderr, "%s:%u: assertion failed: %s\n", file, line, expression);
  abort();
}
}  // namespace

Actor::Actor(Volume& volume, uint32_t pid) : context_{thread_, credentials_} {
  if (!base::assertion_handler) base::assertion_handler = abort_at_assertion;
  thread_.volume = &volume;
  credentials_.dac_override = credentials_.dac_read_search = credentials_.fowner =
      credentials_.chown = credentials_.fsetid = credentials_.mknod = credentials_.sys_admin = true;
  auto opened = open_session(thread_, pid, 1, 0);
  if (note(opened)) session_ = *opened;
}

InodeNumber Actor::walk(const std::string& path) {
  InodeNumber at = kRootInode;
  for (size_t i = 0; i < path.size();) {
    size_t end = path.find('/', i);
    if (end == std::string::npos) end = path.size();
    Found found;
    if (!engine::lookup(context_, at, text(path.substr(i, end - i)), found)) return {};
    at = found.inode;
    i = end + 1;
  }
  return at;
}

InodeNumber Actor::parent(const std::string& path, std::string& name) {
  size_t slash = path.rfind('/');
  name = slash == std::string::npos ? path : path.substr(slash + 1);
  return slash == std::string::npos ? kRootInode : walk(path.substr(0, slash));
}

void Actor::make(const std::string& path, uint32_t mode) {
  std::string name;
  InodeNumber directory = parent(path, name);
  NewInode what;
  what.mode = mode;
  Attributes made;
  note(engine::create(context_, directory, text(name), what, made));
}
void Actor::make_symlink(const std::string& path, const std::string& target) {
  std::string name;
  InodeNumber directory = parent(path, name);
  NewInode what;
  what.mode = 0120777;
  what.link_target = text(target);
  Attributes made;
  note(engine::create(context_, directory, text(name), what, made));
}
void Actor::unlink(const std::string& path) {
  std::string name;
  InodeNumber directory = parent(path, name);
  note(engine::unlink(context_, directory, text(name)));
}
void Actor::remove_directory(const std::string& path) {
  std::string name;
  InodeNumber directory = parent(path, name);
  note(engine::remove_directory(context_, directory, text(name)));
}
void Actor::rename(const std::string& from, const std::string& to, uint32_t flags) {
  std::string from_name, to_name;
  InodeNumber from_directory = parent(from, from_name), to_directory = parent(to, to_name);
  note(engine::rename(context_, from_directory, text(from_name), to_directory, text(to_name),
                      flags));
}
void Actor::link(const std::string& from, const std::string& to) {
  std::string name;
  InodeNumber directory = parent(to, name);
  Attributes after;
  note(engine::link(context_, walk(from), directory, text(name), after));
}

// The namesake of a file is the same file.
void Actor::enter(const std::string& path, uint64_t number) {
  std::string name;
  InodeNumber directory = parent(path, name);
  Namesake namesake;
  for (int tries = 0; tries < 3; tries++) {
    auto entered =
        engine::enter_name(context_, {directory, text(name), number, kModeRegular, 0}, namesake);
    if (!note(entered) || *entered) return;
    namesake.is_same = true;
  }
}
void Actor::disown(const std::string& path) { note(engine::disown(context_, walk(path))); }
void Actor::throw_out_names(const std::string& directory) {
  note(engine::evict_names(context_, walk(directory), UINT32_MAX));
}

void Actor::write(const std::string& path, uint64_t offset, uint64_t size, char seed) {
  std::string bytes = bytes_of(size, seed);
  Piece piece{bytes.data(), size};
  uint64_t end;
  note(engine::write(context_, walk(path), offset, &piece, 1, {}, end));
}
void Actor::append(const std::string& path, uint64_t size, char seed) {
  std::string bytes = bytes_of(size, seed);
  Piece piece{bytes.data(), size};
  WriteOptions options;
  options.append = true;
  uint64_t end;
  note(engine::write(context_, walk(path), 0, &piece, 1, options, end));
}
void Actor::truncate(const std::string& path, uint64_t size) {
  AttributeChange change;
  change.which = AttributeChange::kSize;
  change.size = size;
  Attributes after;
  note(set_attributes(context_, walk(path), change, after));
}
void Actor::allocate(const std::string& path, uint32_t mode, uint64_t offset, uint64_t size) {
  note(allocate_range(context_, walk(path), mode, offset, size, UINT64_MAX));
}
void Actor::set_mode(const std::string& path, uint32_t mode) {
  AttributeChange change;
  change.which = AttributeChange::kMode;
  change.mode = mode;
  Attributes after;
  note(set_attributes(context_, walk(path), change, after));
}
void Actor::set_xattr(const std::string& path, const std::string& name, uint64_t size, char seed) {
  std::string value = bytes_of(size, seed);
  note(engine::set_xattr(context_, walk(path), text(name), value.data(), value.size(), 0));
}
void Actor::remove_xattr(const std::string& path, const std::string& name) {
  note(engine::remove_xattr(context_, walk(path), text(name)));
}

void Actor::open(const std::string& path, int fd, uint32_t flags) {
  note(open_description(context_, session_, fd, walk(path), flags, false, false));
}
void Actor::create_open(const std::string& path, int fd) {
  std::string name;
  InodeNumber directory = parent(path, name);
  Opened opened;
  note(create_and_open(context_, directory, text(name), 0100644, 0, session_, fd, O_RDWR | O_CREAT,
                       false, opened));
}
void Actor::open_unnamed(const std::string& directory, int fd) {
  note(engine::open_unnamed(context_, walk(directory), 0100600, 0, session_, fd, O_RDWR, false));
}
void Actor::close(int fd) { note(close_descriptor(context_, session_, fd)); }
void Actor::dup(int from, int to) { note(copy_descriptor(context_, session_, from, to, true)); }

void Actor::lock(const std::string& path, FileLockKind kind, uint64_t start, uint64_t end,
                 bool exclusive) {
  LockOwner owner{kind, lock_owner_of(context_.volume(), session_), 1};
  note(set_file_lock(context_, walk(path), owner, {start, end, exclusive}));
}
void Actor::unlock(const std::string& path, FileLockKind kind, uint64_t start, uint64_t end) {
  LockOwner owner{kind, lock_owner_of(context_.volume(), session_), 1};
  note(clear_file_lock(context_, walk(path), owner, {start, end, false}));
}
void Actor::lock_open_file(int fd, uint64_t start, uint64_t end, bool exclusive) {
  bool close_on_exec = false;
  DescriptionIndex index = find_descriptor(context_.volume(), session_, fd, close_on_exec);
  DescriptionRecord* record = context_.volume().description(index);
  if (!record) return;
  LockOwner owner{kFileLockPosix, lock_owner_of(context_.volume(), session_), 1};
  note(set_file_lock(context_, record->inode, owner, {start, end, exclusive}));
}
void Actor::pin(const std::string& path, uint64_t index) {
  note(pin_page(context_, walk(path), index, true));
}
void Actor::kernel_looks_up(const std::string& path) {
  known_to_kernel_ = walk(path);
  note(add_kernel_lookup(context_, known_to_kernel_));
}
void Actor::kernel_forgets() { note(forget_kernel_lookups(context_, known_to_kernel_, 1)); }
void Actor::fork_and_abandon() {
  auto child = clone_session(context_, session_);
  if (note(child)) note(close_session(context_, (*child).index));
}
void Actor::set_directory(const std::string& path) {
  note(set_working_directory(context_, session_, walk(path)));
}

void Actor::look(const std::string& path) {
  InodeNumber inode = walk(path);
  Attributes attributes;
  if (!inode || !read_attributes(context_, inode, attributes)) return;
  char bytes[64];
  Piece piece{bytes, sizeof(bytes)};
  (void)engine::read(context_, inode, 0, &piece, 1);
}

void sweep(Context& context, Volume& volume, uint32_t victim_pid) {
  for (uint32_t i = 1; i < volume.superblock().slots_used; i++) {
    SlotRecord* slot = volume.slot(SlotIndex{i});
    if (slot && shm::is_dead(shm::token_word(slot->token)))
      recover_slot(context.thread, SlotIndex{i});
  }
  for (uint32_t i = 1; i < volume.superblock().sessions_used; i++) {
    SessionRecord* session = volume.session(SessionIndex{i});
    if (session && session->state != kSessionFree && session->pid == victim_pid)
      (void)close_session(context, SessionIndex{i});
  }
  (void)free_leftovers(context.thread, nullptr, nullptr);
}

}  // namespace bt::crash
