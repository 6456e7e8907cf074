// SPDX-License-Identifier: MIT
// Changes of names and attributes: at the source first, by the same call of the same process, then here. Steps, and what a
// kill after each leaves:
//   1 the slot says which directories change   recovery has them listed anew
//   2 the system call at the source            the same
//   3 the engine's operation here              done
//   4 the directory's times here               recovery has it listed anew
// Another process may see the change at the source before step 3 (its listing enters the name): then step 3 finds its work
// done.
#include <fcntl.h>
#include <sys/syscall.h>

#include "engine/directory_index.h"
#include "engine/make_entry.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/removal.h"
#include "origin/source.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;

constexpr uint32_t kOpenTries = 64;

// The source has checked; what is here follows it.
engine::Credentials following(const Context& context) {
  engine::Credentials credentials = context.credentials;
  credentials.trusted = credentials.mknod = credentials.fowner = true;
  return credentials;
}

// The next inode made on this thread stands for the source's `number`.
class MakingFor {
 public:
  MakingFor(Context& context, uint64_t number) : thread_(context.thread) {
    thread_.origin_number = number;
  }
  ~MakingFor() { thread_.origin_number = 0; }
  MakingFor(const MakingFor&) = delete;
  MakingFor& operator=(const MakingFor&) = delete;

 private:
  engine::Thread& thread_;
};

// Times that a change of ours has moved are asked for when somebody wants to know them, where that is as good as at once.
Result<void> leave_times_open(Context& context, InodeNumber inode) {
  BT_TRY_ASSIGN(bool may_wait, engine::note_own_change(context, inode, 0));
  return may_wait ? Result<void>{} : refresh(context, inode, true);
}

// Step 4; whether it works or not, the change is done.
void finish_change(Context& context, InodeNumber directory) {
  if (!leave_times_open(context, directory))
    (void)engine::invalidate(context, directory, true).has_value();
}

void adopt_name(Context& context, InodeNumber directory, Text name,
                const SourceAttributes& source) {
  (void)enter(context, {directory, name, source.number, source.mode & engine::kModeType, 0})
      .has_value();
}

Result<void> make_at_source(Context& context, const char* path, const engine::NewInode& what,
                            Scratch& scratch) {
  uint32_t type = what.mode & engine::kModeType, mode = what.mode & ~what.umask;
  int32_t root = source_root(context);
  int64_t made;
  if (type == engine::kModeDirectory) {
    made = raw_syscall(SYS_mkdirat, root, raw_argument(path), mode & engine::kModeBits);
  } else if (type == engine::kModeLink) {
    if (what.link_target.size >= kPathBytes) return Error(ENAMETOOLONG);
    __builtin_memcpy(scratch.link, what.link_target.data, what.link_target.size);
    scratch.link[what.link_target.size] = 0;
    made = raw_syscall(SYS_symlinkat, raw_argument(scratch.link), root, raw_argument(path));
  } else {
    made =
        raw_syscall(SYS_mknodat, root, raw_argument(path), mode, static_cast<int64_t>(what.rdev));
  }
  if (made < 0) return Error(static_cast<int>(-made));
  return {};
}

// Before names are changed: the directory's names are here, and the caller may look for them.
Result<void> require_directory(Context& context, InodeNumber directory) {
  BT_TRY(engine::require_names_to_search(context, directory));
  const format::InodeRecord* record = context.volume().inode(directory.index());
  if (!record || load_relaxed(record->generation) != directory.generation()) return Error(ESTALE);
  if (load_relaxed(record->nlink) == 0) return Error(ENOENT);
  return {};
}

}  // namespace

Result<void> create(Context& context, InodeNumber directory, Text name,
                    const engine::NewInode& what, engine::Attributes& made) {
  BT_TRY(require_directory(context, directory));
  engine::OriginAtWork working(context.thread);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, directory, name, scratch->path[1]));
  Changing changing(context, directory);
  BT_TRY(make_at_source(context, path, what, *scratch));
  SourceAttributes source;
  BT_TRY(ask_source(context, source_root(context), path, source));
  engine::Credentials credentials = following(context);
  Context own{context.thread, credentials};
  {
    MakingFor number(context, source.number);
    Result<void> entered = engine::create(own, directory, name, what, made);
    if (!entered && entered.error() != Error(EEXIST)) return entered;
  }
  adopt_name(own, directory, name, source);
  engine::Found found;
  BT_TRY(engine::lookup(own, directory, name, found));
  BT_TRY(engine::store_source_attributes(own, found.inode, source, true, what.link_target));
  finish_change(own, directory);
  return engine::read_attributes(own, found.inode, made);
}

namespace {

struct OpenRequest {
  InodeNumber directory;
  Text name;
  const engine::NewInode& what;
  format::SessionIndex session;
  int32_t fd;
  uint32_t flags;
  bool close_on_exec;
};

// The name is not here: makes the file at the source and opens it here. EEXIST: the source has it.
Result<void> make_and_open(Context& context, const OpenRequest& request, engine::Opened& opened) {
  engine::OriginAtWork working(context.thread);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path,
                source_path(context, request.directory, request.name, scratch->path[1]));
  Changing changing(context, request.directory);
  SourceAttributes source;
  {
    SourceFile file;
    BT_TRY(file.open(context, path, O_CREAT | O_EXCL | O_WRONLY,
                     request.what.mode & engine::kModeBits & ~request.what.umask));
    BT_TRY(ask_source(context, file.descriptor(), "", source));
  }
  engine::Credentials credentials = following(context);
  Context own{context.thread, credentials};
  MakingFor number(context, source.number);
  BT_TRY(engine::create_and_open(
      own, request.directory, request.name, request.what.mode, request.what.umask, request.session,
      request.fd, request.flags & ~static_cast<uint32_t>(O_EXCL), request.close_on_exec, opened));
  opened.made = true;
  adopt_name(own, request.directory, request.name, source);
  BT_TRY(engine::store_source_attributes(own, opened.inode, source, true, {}));
  opened.mode = source.mode;
  finish_change(own, request.directory);
  return {};
}

}  // namespace

Result<void> create_and_open(Context& context, InodeNumber directory, Text name,
                             const engine::NewInode& what, format::SessionIndex session, int32_t fd,
                             uint32_t flags, bool close_on_exec, engine::Opened& opened) {
  OpenRequest request{directory, name, what, session, fd, flags, close_on_exec};
  for (uint32_t tries = 0; tries < kOpenTries; tries++) {
    BT_TRY(require_directory(context, directory));
    engine::Found found;
    Result<void> looked = engine::lookup(context, directory, name, found);
    if (looked) {
      if (flags & O_EXCL) return Error(EEXIST);
      auto existing =
          engine::open_description(context, session, fd, found.inode, flags, close_on_exec, false);
      if (!existing && existing.error() == Error(ESTALE)) continue;
      if (!existing) return existing.error();
      opened = {*existing, found.inode, found.mode, false};
      return {};
    }
    if (looked.error() != Error(ENOENT)) return looked;
    Result<void> made = make_and_open(context, request, opened);
    if (made || made.error() != Error(EEXIST)) return made;
    // The source has a name that we had not: look at it again.
    BT_TRY(engine::invalidate(context, directory, true));
  }
  return Error(EAGAIN);
}

Result<void> remove(Context& context, InodeNumber directory, Text name, bool is_directory) {
  BT_TRY(require_directory(context, directory));
  engine::Found found;
  BT_TRY(engine::lookup(context, directory, name, found));
  Removal removal(context, found.inode);
  if (!is_directory) BT_TRY(removal.begin());
  engine::OriginAtWork working(context.thread);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, directory, name, scratch->path[1]));
  Changing changing(context, directory);
  BT_TRY(source_result(raw_syscall(SYS_unlinkat, source_root(context), raw_argument(path),
                                   is_directory ? AT_REMOVEDIR : 0)));
  BT_TRY(engine::drop_name(context, directory, name));
  removal.finish();
  finish_change(context, directory);
  // Another name of it may be here: its count of names has changed.
  (void)engine::invalidate(context, found.inode, false).has_value();
  return {};
}

Result<void> link(Context& context, InodeNumber inode, InodeNumber directory, Text name,
                  engine::Attributes& after) {
  BT_TRY(require_directory(context, directory));
  engine::OriginAtWork working(context.thread);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* from, source_path(context, inode, {}, scratch->path[0]));
  BT_TRY_ASSIGN(const char* path, source_path(context, directory, name, scratch->path[1]));
  Changing changing(context, directory);
  int32_t root = source_root(context);
  BT_TRY(source_result(
      raw_syscall(SYS_linkat, root, raw_argument(from), root, raw_argument(path), 0)));
  engine::Credentials credentials = following(context);
  Context own{context.thread, credentials};
  Result<void> entered = engine::link(own, inode, directory, name, after);
  if (!entered && entered.error() != Error(EEXIST)) return entered;
  BT_TRY(refresh(own, inode, true));
  finish_change(own, directory);
  return engine::read_attributes(own, inode, after);
}

namespace {

// What the name stands for. Precondition: the directory's names are here, as a rule.
Result<InodeNumber> find_name(Context& context, InodeNumber directory, Text name) {
  engine::Entry entry;
  uint32_t hash = engine::hash_name(directory.index(), name);
  BT_TRY(engine::find_entry(context.thread, directory.index(), name, hash, entry));
  if (entry.child) return entry.child;
  engine::Found found;
  BT_TRY(engine::lookup(context, directory, name, found));
  return found.inode;
}

}  // namespace

Result<void> rename(Context& context, InodeNumber from, Text from_name, InodeNumber to,
                    Text to_name, uint32_t flags) {
  BT_TRY(require_directory(context, from));
  if (to != from) BT_TRY(require_directory(context, to));
  engine::Found replaced;
  BT_TRY_ASSIGN(InodeNumber moved, find_name(context, from, from_name));
  bool over = engine::lookup(context, to, to_name, replaced).has_value();
  bool replaces = over && !(flags & engine::kRenameExchange) && replaced.inode != moved;
  Removal removal(context, replaced.inode);
  if (replaces) {
    BT_TRY(removal.begin());
    // A new version takes the old one's place at the source with its bytes, not before them, whoever dies when.
    (void)flush(context, moved, false).has_value();
  }
  engine::OriginAtWork working(context.thread);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* old_path, source_path(context, from, from_name, scratch->path[0]));
  BT_TRY_ASSIGN(const char* new_path, source_path(context, to, to_name, scratch->path[1]));
  Changing changing(context, from, to);
  int32_t root = source_root(context);
  BT_TRY(source_result(raw_syscall(SYS_renameat2, root, raw_argument(old_path), root,
                                   raw_argument(new_path), flags)));
  engine::Credentials credentials = following(context);
  Context own{context.thread, credentials};
  Result<void> done = engine::rename(own, from, from_name, to, to_name, flags);
  removal.finish();
  // A name that a listing has changed meanwhile: both directories are looked at again.
  if (!done) {
    BT_TRY(engine::invalidate(own, from, true));
    return engine::invalidate(own, to, true);
  }
  (void)engine::name_again(own, to, to_name).has_value();
  if (flags & engine::kRenameExchange) (void)engine::name_again(own, from, from_name).has_value();
  (void)leave_times_open(own, moved).has_value();
  if (over) (void)engine::invalidate(own, replaced.inode, false).has_value();
  finish_change(own, from);
  if (to != from) finish_change(own, to);
  return {};
}

namespace {

Result<void> set_times(Context& context, const char* path, const engine::AttributeChange& change) {
  using Change = engine::AttributeChange;
  struct Time {
    int64_t seconds, nanoseconds;
  } times[2];
  auto fill = [](Time& time, bool set, int64_t ns) {
    if (!set) {
      time = {0, UTIME_OMIT};
    } else if (ns == engine::kTimeNow) {
      time = {0, UTIME_NOW};
    } else {
      int64_t seconds = ns / 1'000'000'000, rest = ns % 1'000'000'000;
      time = rest < 0 ? Time{seconds - 1, rest + 1'000'000'000} : Time{seconds, rest};
    }
  };
  fill(times[0], change.which & Change::kAtime, change.atime_ns);
  fill(times[1], change.which & Change::kMtime, change.mtime_ns);
  int64_t done = raw_syscall(SYS_utimensat, source_root(context), raw_argument(path),
                             raw_argument(times), AT_SYMLINK_NOFOLLOW);
  if (done < 0) return Error(static_cast<int>(-done));
  return {};
}

// The source does not say: what its owner may not write is opened all the same (SourceFile::open), for what he wrote before.
Result<void> check_truncation(Context& context, InodeNumber inode) {
  engine::AccessView view{};
  BT_TRY(engine::read_inode(context.thread, inode, [&](const format::InodeRecord& record) {
    view = engine::access_view(inode.index(), record);
  }));
  return engine::check_permission(context, view, engine::kMayWrite, false);
}

Result<void> set_size(Context& context, const char* path, uint64_t size) {
  SourceFile file;
  BT_TRY(file.open(context, path, O_WRONLY));
  BT_TRY(source_result(raw_syscall(SYS_ftruncate, file.descriptor(), static_cast<int64_t>(size))));
  return {};
}

Result<void> change_at_source(Context& context, const char* path, uint32_t mode,
                              const engine::AttributeChange& change) {
  using Change = engine::AttributeChange;
  int32_t root = source_root(context);
  if (change.which & (Change::kUid | Change::kGid)) {
    int64_t uid = change.which & Change::kUid ? change.uid : -1,
            gid = change.which & Change::kGid ? change.gid : -1;
    BT_TRY(source_result(
        raw_syscall(SYS_fchownat, root, raw_argument(path), uid, gid, AT_SYMLINK_NOFOLLOW)));
  }
  if (change.which & Change::kMode) {
    if ((mode & engine::kModeType) == engine::kModeLink) return Error(EOPNOTSUPP);
    BT_TRY(source_result(
        raw_syscall(SYS_fchmodat, root, raw_argument(path), change.mode & engine::kModeBits)));
  }
  if (change.which & Change::kSize) BT_TRY(set_size(context, path, change.size));
  if (change.which & (Change::kAtime | Change::kMtime)) return set_times(context, path, change);
  return {};
}

// Whether nothing but the times is to be asked for after it: a file's new rights, without the bit that the kernel may refuse.
bool has_known_result(uint32_t mode, const engine::AttributeChange& change) {
  return change.which == engine::AttributeChange::kMode && !(change.mode & engine::kModeSetGid) &&
         (mode & engine::kModeType) == engine::kModeRegular;
}

}  // namespace

Result<void> set_attributes(Context& context, InodeNumber inode,
                            const engine::AttributeChange& change, engine::Attributes& after) {
  using Change = engine::AttributeChange;
  BT_TRY(engine::require_rights(context, inode));
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (!record) return Error(ESTALE);
  if ((change.which & Change::kSize) && !change.by_descriptor)
    BT_TRY(check_truncation(context, inode));
  bool nameless = load_relaxed(record->nlink) == 0;
  // Times set by the program must not be overtaken by a later write-back; a new size must not be by old pages.
  if (!nameless && (change.which & (Change::kSize | Change::kMtime)))
    BT_TRY(flush(context, inode, false));
  engine::OriginAtWork working(context.thread);
  engine::Credentials credentials = following(context);
  Context own{context.thread, credentials};
  if (nameless) return engine::set_attributes(own, inode, change, after);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch->path[1]));
  BT_TRY(change_at_source(context, path, load_relaxed(record->mode), change));
  if (change.which & Change::kSize) {
    // Pages beyond the new end go, and the rest of the page that holds it is cleared.
    Change size_alone;
    size_alone.which = Change::kSize;
    size_alone.size = change.size;
    BT_TRY(engine::set_attributes(own, inode, size_alone, after));
  }
  uint32_t mode = load_relaxed(record->mode);
  if (has_known_result(mode, change)) {
    uint32_t type = mode & engine::kModeType;
    BT_TRY(engine::note_own_change(own, inode, type | (change.mode & engine::kModeBits)));
    count_own_change(own, inode);
  } else {
    BT_TRY(refresh(own, inode, true));
  }
  return engine::read_attributes(own, inode, after);
}

Result<void> allocate_range(Context& context, InodeNumber inode, uint32_t mode, uint64_t offset,
                            uint64_t size) {
  BT_TRY(flush(context, inode, false));
  engine::OriginAtWork working(context.thread);
  if (was_removed(context, inode))
    return engine::allocate_range(context, inode, mode, offset, size, UINT64_MAX);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch->path[1]));
  SourceFile file;
  BT_TRY(file.open(context, path, O_RDWR));
  BT_TRY(source_result(raw_syscall(SYS_fallocate, file.descriptor(), mode,
                                   static_cast<int64_t>(offset), static_cast<int64_t>(size))));
  // Its bytes may have moved: what is here of them goes.
  for (uint64_t next = 0;;) {
    BT_TRY_ASSIGN(uint32_t freed, engine::evict_pages(context, inode, next, next));
    if (freed == 0) break;
  }
  BT_TRY(refresh(context, inode, true));
  return {};
}

Result<uint64_t> seek_data(Context& context, InodeNumber inode, uint64_t offset, bool hole) {
  BT_TRY(flush(context, inode, false));
  if (was_removed(context, inode)) {
    engine::OriginAtWork working(context.thread);
    return engine::seek_data(context, inode, offset, hole);
  }
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch->path[1]));
  SourceFile file;
  BT_TRY(file.open(context, path, O_RDONLY));
  constexpr int kSeekData = 3, kSeekHole = 4;
  return source_result(raw_syscall(SYS_lseek, file.descriptor(), static_cast<int64_t>(offset),
                                   hole ? kSeekHole : kSeekData));
}

void read_statistics(Context& context, engine::VolumeStatistics& statistics) {
  struct {
    int64_t type, block_size, blocks, blocks_free, blocks_available, files, files_free, rest[8];
  } source;
  static_assert(sizeof source == 120);  // the kernel's struct statfs
  SourceFile file;
  if (!file.open(context, ".", O_RDONLY | O_DIRECTORY)) return;
  if (raw_syscall(SYS_fstatfs, file.descriptor(), raw_argument(&source)) < 0) return;
  auto scale = static_cast<uint64_t>(source.block_size) / format::kPageSizeBytes;
  if (scale == 0) scale = 1;
  statistics.blocks = static_cast<uint64_t>(source.blocks) * scale;
  statistics.blocks_free = static_cast<uint64_t>(source.blocks_available) * scale;
  statistics.inodes = static_cast<uint64_t>(source.files);
  statistics.inodes_free = static_cast<uint64_t>(source.files_free);
}

}  // namespace bt::origin
