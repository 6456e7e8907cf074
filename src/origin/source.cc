// SPDX-License-Identifier: MIT
#include "origin/source.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/fence.h"
#include "engine/directory_index.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "shm/lock.h"
#include "shm/token.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;

constexpr uint32_t kPathTries = 16;
// Somebody changes it faster than it can be asked for.
constexpr uint32_t kRefreshTries = 64;
// A second, for who was moved off its processor in the middle of a change.
constexpr uint32_t kChangeWaits = 10'000;
constexpr int64_t kChangePauseNs = 100'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

// Nonsense is found out by the caller's look at the tree's sequence.
Result<InodeNumber> name_of(const engine::Volume& volume, InodeNumber inode, char* name,
                            uint32_t& size) {
  const format::InodeRecord* record = volume.inode(inode.index());
  if (!record || load_relaxed(record->generation) != inode.generation()) return Error(ESTALE);
  const format::DentryRecord* dentry = volume.dentry(load_relaxed(record->name));
  if (!dentry || load_relaxed(dentry->kind) != format::kDentryName) return Error(ESTALE);
  InodeNumber child =
      InodeNumber::of(load_relaxed(dentry->child), load_relaxed(dentry->child_generation));
  if (child != inode || !engine::copy_name(volume, *dentry, name, size)) return Error(ESTALE);
  format::InodeIndex parent = load_relaxed(dentry->parent);
  const format::InodeRecord* above = volume.inode(parent);
  if (!above) return Error(ESTALE);
  return InodeNumber::of(parent, load_relaxed(above->generation));
}

namespace {

// The hint is gone with the name it meant, and the file has another: looked for among all. Rare: a file that was linked and
// lost its first name without being looked up by the second.
bool find_other_name(const engine::Volume& volume, InodeNumber inode) {
  format::InodeRecord* record = volume.inode(inode.index());
  if (!record || load_relaxed(record->generation) != inode.generation() ||
      load_relaxed(record->nlink) == 0)
    return false;
  uint32_t end = load_relaxed(volume.superblock().free_dentries.fresh);
  for (uint32_t i = 1; i < end; i++) {
    const format::DentryRecord* dentry = volume.dentry(format::DentryIndex{i});
    if (!dentry) return false;
    if (load_relaxed(dentry->kind) != format::kDentryName ||
        load_relaxed(dentry->child) != inode.index() ||
        load_relaxed(dentry->child_generation) != inode.generation())
      continue;
    __atomic_store_n(reinterpret_cast<uint32_t*>(&record->name), i, __ATOMIC_RELAXED);
    return true;
  }
  return false;
}

// A path that is written from its end to its beginning.
class Path {
 public:
  explicit Path(char* buffer) : buffer_(buffer), at_(buffer + kPathBytes - 1) { *at_ = 0; }
  Result<void> prepend(const char* bytes, uint32_t size) {
    if (static_cast<uint64_t>(at_ - buffer_) < uint64_t{size} + 1) return Error(ENAMETOOLONG);
    if (*at_) *--at_ = '/';
    at_ -= size;
    __builtin_memcpy(at_, bytes, size);
    return {};
  }
  // The root itself is ".".
  Result<const char*> finish() {
    if (!*at_) BT_TRY(prepend(".", 1));
    return static_cast<const char*>(at_);
  }

 private:
  char* buffer_;
  char* at_;
};

Result<const char*> walk_up(const engine::Volume& volume, InodeNumber inode, Text last,
                            char* buffer) {
  Path path(buffer);
  if (last.size) BT_TRY(path.prepend(last.data, last.size));
  while (inode != format::kRootInode) {
    char name[engine::kNameMax + 1];
    uint32_t size = 0;
    auto parent = name_of(volume, inode, name, size);
    if (!parent && find_other_name(volume, inode)) parent = name_of(volume, inode, name, size);
    if (!parent) return parent.error();
    inode = *parent;
    BT_TRY(path.prepend(name, size));
  }
  return path.finish();
}

int64_t nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * kNsPerSecond + time.tv_nsec;
}

uint64_t device_number(uint32_t major, uint32_t minor) {
  return (uint64_t{major} & 0xfff) << 8 | (minor & 0xff) | (uint64_t{minor} & ~0xffull) << 12;
}

}  // namespace

Result<Scratch*> scratch_of(Context& context) {
  char*& memory = context.thread.origin_scratch;
  if (!memory) {
    int64_t mapped = raw_syscall(SYS_mmap, 0, sizeof(Scratch), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BT_TRY_ASSIGN(uint64_t address, source_result(mapped));
    memory = reinterpret_cast<char*>(address);
  }
  return reinterpret_cast<Scratch*>(memory);
}

Result<const char*> source_path(Context& context, InodeNumber inode, Text name, char* buffer) {
  const engine::Volume& volume = context.volume();
  for (uint32_t tries = 0;; tries++) {
    uint64_t before = __atomic_load_n(&volume.superblock().dirtree_seq, __ATOMIC_ACQUIRE);
    auto path = walk_up(volume, inode, name, buffer);
    base::fence<__ATOMIC_ACQUIRE>();
    uint64_t after = __atomic_load_n(&volume.superblock().dirtree_seq, __ATOMIC_RELAXED);
    if (before == after || tries == kPathTries) return path;
  }
}

Result<void> ask_source(Context& context, int32_t directory, const char* path,
                        SourceAttributes& attributes) {
  attributes.epoch = __atomic_load_n(&context.volume().superblock().origin_epoch, __ATOMIC_ACQUIRE);
  struct statx found;
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*path ? 0 : AT_EMPTY_PATH);
  BT_TRY(source_result(raw_syscall(SYS_statx, directory, raw_argument(path), flags,
                                   STATX_BASIC_STATS | STATX_BTIME, raw_argument(&found))));
  attributes.number = found.stx_ino;
  attributes.mode = found.stx_mode;
  attributes.uid = found.stx_uid;
  attributes.gid = found.stx_gid;
  attributes.nlink = found.stx_nlink;
  attributes.size = found.stx_size;
  attributes.rdev = device_number(found.stx_rdev_major, found.stx_rdev_minor);
  attributes.blocks = found.stx_blocks;
  attributes.atime_ns = nanoseconds(found.stx_atime);
  attributes.mtime_ns = nanoseconds(found.stx_mtime);
  attributes.ctime_ns = nanoseconds(found.stx_ctime);
  attributes.btime_ns = nanoseconds(found.stx_btime);
  return {};
}

namespace {

// Whoever made a file without the right to write it may write what he opened then; so must what is written back for him. His
// file is made writable for the moment of opening it.
int64_t open_as_owner(Context& context, const char* path, int32_t flags) {
  constexpr uint32_t kPermissions = 07777, kOwnerReadsAndWrites = 0600;
  int32_t root = source_root(context);
  SourceAttributes file;
  if (!ask_source(context, root, path, file)) return -EACCES;
  if ((file.mode & engine::kModeType) != engine::kModeRegular) return -EACCES;
  uint32_t mode = file.mode & kPermissions;
  if (raw_syscall(SYS_fchmodat, root, raw_argument(path), mode | kOwnerReadsAndWrites) < 0)
    return -EACCES;
  int64_t opened = raw_syscall(SYS_openat, root, raw_argument(path), flags);
  if (opened >= 0)
    (void)raw_syscall(SYS_fchmod, opened, mode);
  else
    (void)raw_syscall(SYS_fchmodat, root, raw_argument(path), mode);
  return opened;
}

}  // namespace

namespace {

int64_t open_at(int32_t directory, const char* path, int32_t flags, uint32_t mode) {
  int64_t opened = raw_syscall(SYS_openat, directory, raw_argument(path), flags, mode);
  // Not to touch access times is a right of the file's owner.
  if (opened == -EPERM && (flags & O_NOATIME))
    opened = raw_syscall(SYS_openat, directory, raw_argument(path), flags & ~O_NOATIME, mode);
  return opened;
}

}  // namespace

Result<void> SourceFile::open(Context& context, const char* path, int32_t flags, uint32_t mode) {
  flags |= O_CLOEXEC | O_NOFOLLOW;
  int64_t opened = open_at(source_root(context), path, flags, mode);
  if (opened == -EACCES && !(flags & (O_CREAT | O_DIRECTORY)))
    opened = open_as_owner(context, path, flags);
  BT_TRY_ASSIGN(uint64_t descriptor, source_result(opened));
  descriptor_ = static_cast<int32_t>(descriptor);
  return {};
}

Result<void> SourceFile::open_in(int32_t directory, const char* name, int32_t flags) {
  close();
  int64_t opened = open_at(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, 0);
  BT_TRY_ASSIGN(uint64_t descriptor, source_result(opened));
  descriptor_ = static_cast<int32_t>(descriptor);
  return {};
}

void SourceFile::close() {
  if (descriptor_ >= 0) (void)raw_syscall(SYS_close, descriptor_);
  descriptor_ = -1;
}

bool is_dead_tag(const engine::Volume& volume, uint64_t tag) {
  const format::SlotRecord* slot = volume.slot(shm::slot_of(tag));
  if (!slot) return true;
  bool same = (load_relaxed(slot->generation) & shm::kGenerationMask) == shm::generation_of(tag);
  return !same || !shm::is_alive(shm::token_word(slot->token));
}

namespace {

void wait_for_slot(const format::SlotRecord& slot) {
  auto changing = [&](uint32_t which) {
    return __atomic_load_n(&slot.changing[which].value, __ATOMIC_ACQUIRE);
  };
  const uint64_t first = changing(0), second = changing(1);
  for (uint32_t waits = 0; waits < kChangeWaits && (first || second); waits++) {
    bool is_over = changing(0) != first || changing(1) != second;
    if (is_over || !shm::is_alive(shm::token_word(slot.token))) return;
    int64_t pause[2] = {0, kChangePauseNs};
    (void)raw_syscall(SYS_nanosleep, raw_argument(pause), 0);
  }
}

}  // namespace

void wait_for_changes(Context& context) {
  const engine::Volume& volume = context.volume();
  for (uint32_t i = 1; i < volume.slots_used(); i++)
    if (format::SlotIndex{i} != context.thread.slot_index)
      wait_for_slot(*volume.slot(format::SlotIndex{i}));
}

namespace {

Result<void> refresh_once(Context& context, InodeNumber inode, bool ours, uint64_t change) {
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch->path[0]));
  SourceAttributes attributes;
  BT_TRY(ask_source(context, source_root(context), path, attributes));
  Text target;
  if ((attributes.mode & engine::kModeType) == engine::kModeLink) {
    int64_t size = raw_syscall(SYS_readlinkat, source_root(context), raw_argument(path),
                               raw_argument(scratch->link), kPathBytes - 1);
    BT_TRY_ASSIGN(uint64_t length, source_result(size));
    target = {scratch->link, static_cast<uint32_t>(length)};
  }
  return engine::store_source_attributes(context, inode, attributes, ours, target, change);
}

}  // namespace

Result<void> refresh(Context& context, InodeNumber inode, bool ours) {
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (!record) return Error(ESTALE);
  for (uint32_t tries = 0;; tries++) {
    uint64_t change = __atomic_load_n(&record->change, __ATOMIC_ACQUIRE);
    Result<void> stored = refresh_once(context, inode, ours, change);
    if (stored || stored.error() != Error(EAGAIN) || tries == kRefreshTries) return stored;
  }
}

namespace {

constexpr engine::OriginTable kTable = {
    validate,        fill_names, fill_name, fill_pages,      fill_xattrs,    create,
    create_and_open, remove,     link,      rename,          set_attributes, set_xattr,
    allocate_range,  seek_data,  flush,     read_statistics,
};

}  // namespace

void install(engine::Volume& volume, Source& source) { volume.set_origin(&kTable, &source); }

Result<void> adopt_root(Context& context) {
  SourceAttributes attributes;
  BT_TRY(ask_source(context, source_root(context), "", attributes));
  format::InodeRecord* root = context.volume().inode(format::InodeIndex::kRoot);
  root->origin = attributes.number;
  return engine::store_source_attributes(context, format::kRootInode, attributes, false, {});
}

}  // namespace bt::origin
