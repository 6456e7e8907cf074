// SPDX-License-Identifier: MIT
// Misses: attributes, names, pages and extended attributes are fetched from the source.
#include <fcntl.h>
#include <sys/syscall.h>

#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/evict.h"
#include "origin/removal.h"
#include "origin/source.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;
using format::kPageSizeBytes;

// Listings and fills that others disturb are done again so often; then what is here has to do.
constexpr uint32_t kTries = 8;
// A miss brings at least so many pages, if the file has them: reading goes on, as a rule.
constexpr uint64_t kReadAheadPages = engine::kCachedPagesAtOnce;

struct DirectoryEntry {  // linux_dirent64
  uint64_t number;
  int64_t next;
  uint16_t size;
  uint8_t type;
  char name[1];
};

bool is_dots(const char* name) {
  return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

Result<void> enter_entries(Context& context, InodeNumber directory, const engine::Listing& listing,
                           const char* bytes, uint64_t size) {
  for (uint64_t at = 0; at < size;) {
    const auto& entry = *reinterpret_cast<const DirectoryEntry*>(bytes + at);
    at += entry.size;
    if (is_dots(entry.name) || entry.type == 0) continue;
    BT_TRY(enter(context, {directory, base::text_of(entry.name), entry.number,
                           uint32_t{entry.type} << 12, listing.seen}));
  }
  return {};
}

// ahead: nobody has asked for it. attributes: those of what is in it will be asked for.
struct ListingFor {
  bool ahead, attributes;
};

Result<void> list_once(Context& context, InodeNumber directory, SourceFile& file,
                       ListingFor purpose) {
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, directory, {}, scratch->path[0]));
  engine::Listing listing;
  BT_TRY(engine::begin_listing(context, directory, listing));
  BT_TRY(file.open(context, path, O_RDONLY | O_DIRECTORY));
  watch_directory(context, directory, file.descriptor(), purpose.attributes);
  SourceAttributes before;
  BT_TRY(ask_source(context, file.descriptor(), "", before));
  if (purpose.ahead)
    (void)engine::store_attributes_ahead(context, directory, before, {}, listing.change)
        .has_value();
  else
    BT_TRY(engine::store_source_attributes(context, directory, before, false, {}, listing.change));
  for (;;) {
    int64_t got =
        raw_syscall(SYS_getdents64, file.descriptor(), raw_argument(scratch->names), kNamesBytes);
    BT_TRY_ASSIGN(uint64_t size, source_result(got));
    if (size == 0) break;
    BT_TRY(enter_entries(context, directory, listing, scratch->names, size));
  }
  // So that the first use is noticed: it looks at the attributes, which are true in the present epoch.
  if (purpose.ahead && before.epoch > 1) before.epoch--;
  return engine::end_listing(context, directory, listing, before);
}

struct FileView {
  uint64_t change, size;
  uint32_t nlink, mode;
};
Result<void> view_file(Context& context, InodeNumber inode, FileView& view) {
  return engine::read_inode(context.thread, inode, [&](const format::InodeRecord& record) {
    view = {load_relaxed(record.change), load_relaxed(record.size), load_relaxed(record.nlink),
            load_relaxed(record.mode)};
  });
}

}  // namespace

Result<void> fetch_pages(Context& context, InodeNumber inode, int32_t descriptor, uint64_t change,
                         uint64_t size, uint64_t first, uint32_t count) {
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  uint64_t whole = count * kPageSizeBytes, got = 0;
  uint64_t wanted = base::min(whole, size - first * kPageSizeBytes);
  while (got < wanted) {
    int64_t read = raw_syscall(SYS_pread64, descriptor, raw_argument(scratch->pages + got),
                               static_cast<int64_t>(wanted - got),
                               static_cast<int64_t>(first * kPageSizeBytes + got));
    BT_TRY_ASSIGN(uint64_t part, source_result(read));
    if (part == 0) break;
    got += part;
  }
  __builtin_memset(scratch->pages + got, 0, whole - got);
  make_room(context, count);
  for (uint32_t tries = 0;; tries++) {
    Result<void> put = engine::put_pages(context, inode, change, first, count, scratch->pages);
    if (put || put.error().errno_value() != ENOSPC || tries == kTries) return put;
    make_room_at_once(context, 2 * engine::kCachedPagesAtOnce);
  }
}

Result<void> fetch_whole(Context& context, InodeNumber inode, int32_t directory, const char* path,
                         bool may_make_room) {
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (!record || load_relaxed(record->generation) != inode.generation()) return Error(ESTALE);
  uint64_t change = __atomic_load_n(&record->change, __ATOMIC_ACQUIRE);
  bool is_regular = (load_relaxed(record->mode) & engine::kModeType) == engine::kModeRegular;
  if (!is_regular || load_relaxed(record->valid_epoch) || load_relaxed(record->page_count))
    return Error(EAGAIN);
  SourceFile file;
  BT_TRY(file.open_in(directory, path, O_RDONLY | O_NOATIME | O_NONBLOCK));
  SourceAttributes source;
  BT_TRY(ask_source(context, file.descriptor(), "", source));
  BT_TRY(engine::store_attributes_ahead(context, inode, source, {}, change));
  uint64_t pages = base::divide_up(source.size, kPageSizeBytes);
  if (pages == 0 || pages > engine::kCachedPagesAtOnce) return {};
  uint64_t most = load_relaxed(context.volume().superblock().cache_pages_max);
  if (!may_make_room && pages_in_use(context.volume()) + pages > most) return {};
  // The attributes were one change, ours: one more, and the bytes are not taken.
  (void)fetch_pages(context, inode, file.descriptor(), change + 1, source.size, 0,
                    static_cast<uint32_t>(pages))
      .has_value();
  return {};
}

namespace {

// By who reads each file that he looks at. False: ask for the attributes alone.
bool validate_whole(Context& context, InodeNumber inode, const format::InodeRecord& record) {
  if (load_relaxed(record.valid_epoch) != 0 || !wants_pages(context)) return false;
  auto scratch = scratch_of(context);
  if (!scratch) return false;
  auto path = source_path(context, inode, {}, (*scratch)->path[0]);
  return path && fetch_whole(context, inode, source_root(context), *path, true);
}

// What was fetched ahead of this is used, or was fetched for nothing. A directory's mark is of its names.
void end_ahead(Context& context, format::InodeRecord& file, metrics::Event event) {
  if (!engine::is_directory(load_relaxed(file.mode)) && engine::take_ahead_mark(file))
    count(context, event);
}

}  // namespace

Result<void> validate(Context& context, InodeNumber inode) {
  format::InodeRecord* record = context.volume().inode(inode.index());
  bool is_known = record && !(load_relaxed(record->flags) & format::kInodeChangedHere);
  if (is_known && vouch_for_attributes(context, *record, inode.index())) {
    end_ahead(context, *record, metrics::Event::k_ahead_used);
    return {};
  }
  engine::OriginAtWork working(context.thread);
  FileView view{};
  BT_TRY(view_file(context, inode, view));
  if (view.nlink == 0) return {};  // Without a name at the source: what is here is the truth.
  count(context, metrics::Event::k_attribute_misses);
  if (record) {
    end_ahead(context, *record, metrics::Event::k_ahead_wasted);
    if (load_relaxed(record->valid_epoch) == 0) note_attribute_miss(context, *record);
    if (!engine::is_directory(load_relaxed(record->mode)))
      watch_attributes_of(context, *record, inode.index());
    if (validate_whole(context, inode, *record)) return {};
  }
  Result<void> asked = ask_again(context, inode);
  return !asked && asked.error() == Error(ENOENT) ? Error(ESTALE) : asked;
}

namespace {

Result<void> list_again(Context& context, InodeNumber directory) {
  engine::OriginAtWork working(context.thread);
  count(context, metrics::Event::k_name_misses);
  make_room_for_names(context);
  for (uint32_t tries = 0; tries < kTries; tries++) {
    SourceFile file;
    Result<void> listed = list_once(context, directory, file,
                                    {.ahead = false, .attributes = wants_attributes(context)});
    if (listed || listed.error() != Error(EAGAIN)) return listed;
    // Whoever listed it at the same time may have done the work.
    const format::InodeRecord* record = context.volume().inode(directory.index());
    if (record &&
        engine::is_current_epoch(context.volume(), load_relaxed(record->directory.names_epoch)))
      return {};
    wait_for_changes(context);
  }
  return {};
}

// Listed before, and the directory is what it was then: the names hold. Precondition: the attributes were just validated.
Result<bool> names_hold(Context& context, InodeNumber directory, format::InodeRecord& record) {
  const format::DirectoryPart& part = record.directory;
  // What was looked at: a later epoch may have news of its own.
  uint32_t looked = __atomic_load_n(&record.valid_epoch, __ATOMIC_ACQUIRE);
  uint32_t listed = __atomic_load_n(&part.names_epoch, __ATOMIC_ACQUIRE);
  if (listed == 0 || listed <= __atomic_load_n(&part.renamed_epoch, __ATOMIC_ACQUIRE)) return false;
  if (!vouch_for_names(context, record)) BT_TRY(engine::keep_names(context, directory, looked));
  return true;
}

}  // namespace

Result<void> fill_names(Context& context, InodeNumber directory) {
  format::InodeRecord* record = context.volume().inode(directory.index());
  if (!record) return Error(ESTALE);
  bool never_listed = load_relaxed(record->directory.names_epoch) == 0 &&
                      engine::is_directory(load_relaxed(record->mode)) &&
                      load_relaxed(record->nlink) != 0;
  Result<void> listed = never_listed ? list_again(context, directory) : Error(EAGAIN);
  if (listed) {
    note_listing(context, directory);
    return {};
  }
  if (!engine::is_current_epoch(context.volume(), load_relaxed(record->valid_epoch)))
    BT_TRY(validate(context, directory));
  if (!engine::is_directory(load_relaxed(record->mode))) return Error(ENOTDIR);
  if (load_relaxed(record->nlink) == 0) return {};
  if (listed.error() == Error(EACCES)) return listed;
  BT_TRY_ASSIGN(bool hold, names_hold(context, directory, *record));
  bool was_ahead = engine::take_ahead_mark(*record);
  if (was_ahead)
    count(context, hold ? metrics::Event::k_ahead_used : metrics::Event::k_ahead_wasted);
  if (!hold) BT_TRY(list_again(context, directory));
  if (was_ahead) note_listing(context, directory);
  return {};
}

Result<void> fill_name(Context& context, InodeNumber directory, Text name) {
  const format::InodeRecord* record = context.volume().inode(directory.index());
  if (record && load_relaxed(record->nlink) == 0) return Error(ENOENT);
  engine::OriginAtWork working(context.thread);
  count(context, metrics::Event::k_name_misses);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, directory, name, scratch->path[1]));
  SourceAttributes source;
  BT_TRY(ask_source(context, source_root(context), path, source));
  BT_TRY(enter(context, {directory, name, source.number, source.mode & engine::kModeType, 0}));
  return {};
}

Result<void> list_ahead(Context& context, InodeNumber directory, SourceFile& file,
                        bool attributes) {
  return list_once(context, directory, file, {.ahead = true, .attributes = attributes});
}

Result<void> look_again(Context& context, InodeNumber directory) {
  format::InodeRecord* record = context.volume().inode(directory.index());
  if (!record) return Error(ESTALE);
  BT_TRY(validate(context, directory));
  if (!engine::is_directory(load_relaxed(record->mode)) || load_relaxed(record->nlink) == 0)
    return {};
  auto hold = names_hold(context, directory, *record);
  return hold ? Result<void>{} : hold.error();
}

namespace {

Result<void> open_file(Context& context, InodeNumber inode, uint64_t change, SourceFile& file) {
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch->path[0]));
  BT_TRY(file.open(context, path, O_RDONLY | O_NOATIME | O_NONBLOCK));
  SourceAttributes source;
  BT_TRY(ask_source(context, file.descriptor(), "", source));
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (record && load_relaxed(record->origin) == source.number) return {};
  // By that name there is another file now. What was read of the old one would not fit with what is read of the new one.
  if (source.nlink != 1) return Error(ESTALE);
  BT_TRY(engine::adopt_number(context, inode, source.number));
  return engine::store_source_attributes(context, inode, source, false, {}, change);
}

// Without a name. EIO: what is not here of it nobody has any more; also where the remover died before he had brought it.
Result<void> check_lost(const Context& context, InodeNumber inode) {
  const format::InodeRecord* record = context.volume().inode(inode.index());
  return record && engine::is_all_here(*record) ? Result<void>{} : Error(EIO);
}

}  // namespace

Result<void> fill_pages(Context& context, InodeNumber inode, uint64_t first, uint64_t count) {
  engine::OriginAtWork working(context.thread);
  origin::count(context, metrics::Event::k_page_misses);
  if (first == 0) note_page_miss(context, inode);
  count = base::max(count, kReadAheadPages);
  for (uint32_t tries = 0; tries < kTries; tries++) {
    FileView view{};
    BT_TRY(view_file(context, inode, view));
    uint64_t end = base::min(first + count, base::divide_up(view.size, kPageSizeBytes));
    SourceFile file;
    Result<void> opened = open_file(context, inode, view.change, file);
    if (!opened) {
      if (was_removed(context, inode)) return check_lost(context, inode);
      if (tries + 1 == kTries || !ask_again(context, inode)) return opened;
      continue;  // It has another name.
    }
    Result<void> put;
    for (uint64_t at = first; at < end && put; at += engine::kCachedPagesAtOnce) {
      auto part = static_cast<uint32_t>(base::min<uint64_t>(engine::kCachedPagesAtOnce, end - at));
      put = fetch_pages(context, inode, file.descriptor(), view.change, view.size, at, part);
    }
    if (put || put.error() != Error(EAGAIN)) return put;
  }
  return Error(EAGAIN);
}

}  // namespace bt::origin
