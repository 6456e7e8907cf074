// SPDX-License-Identifier: MIT
#include "origin/watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "engine/permissions.h"
#include "engine/seq_read.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;

constexpr uint32_t kNewsOfNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr uint32_t kNews = kNewsOfNames | IN_ATTRIB | IN_MODIFY;

uint32_t load_epoch(const uint32_t& place) { return __atomic_load_n(&place, __ATOMIC_RELAXED); }

bool is_watched(const format::DirectoryPart& part) {
  return __atomic_load_n(&part.watch_epoch, __ATOMIC_ACQUIRE) != 0;
}

// The directory in which the file hangs by the name that is remembered; 0: not known.
InodeNumber directory_above(const engine::Volume& volume, const format::InodeRecord& record,
                            format::InodeIndex index) {
  const format::DentryRecord* dentry = volume.dentry(load_relaxed(record.name));
  if (!dentry || load_relaxed(dentry->kind) != format::kDentryName ||
      load_relaxed(dentry->child) != index ||
      load_relaxed(dentry->child_generation) != load_relaxed(record.generation))
    return {};
  format::InodeIndex index_above = load_relaxed(dentry->parent);
  const format::InodeRecord* above = volume.inode(index_above);
  if (!above || !engine::is_directory(load_relaxed(above->mode))) return {};
  return InodeNumber::of(index_above, load_relaxed(above->generation));
}

format::DirectoryPart* part_above(engine::Volume& volume, const format::InodeRecord& record,
                                  format::InodeIndex index) {
  InodeNumber above = directory_above(volume, record, index);
  return above ? &volume.inode(above.index())->directory : nullptr;
}

// The last epoch of which nobody vouches for what was found in it; UINT32_MAX: for nothing at all.
uint32_t doubtful_epoch(engine::Volume& volume, const format::InodeRecord& record,
                        format::InodeIndex index) {
  uint32_t floor = load_epoch(volume.superblock().watch_floor);
  uint32_t type = load_relaxed(record.mode) & engine::kModeType;
  if (type == engine::kModeDirectory) {
    const format::DirectoryPart& part = record.directory;
    if (!is_watched(part)) return UINT32_MAX;
    uint32_t doubtful = base::max(load_epoch(part.watch_epoch), load_epoch(part.changed_epoch));
    return base::max(floor, base::max(doubtful, load_epoch(part.children_epoch)));
  }
  if (load_relaxed(record.source_nlink) != 1) return UINT32_MAX;
  const format::DirectoryPart* above = part_above(volume, record, index);
  if (!above || !is_watched(*above)) return UINT32_MAX;
  uint32_t doubtful = base::max(load_epoch(above->watch_epoch), load_epoch(above->children_epoch));
  if (type == engine::kModeRegular)
    doubtful = base::max(doubtful, load_epoch(record.cached.changed_epoch));
  return base::max(floor, doubtful);
}

// `place` moves from the epoch that was seen there to the present one, unless somebody has changed it meanwhile.
bool carry_over(uint32_t& place, uint32_t seen, uint32_t now) {
  return seen == now ||
         __atomic_compare_exchange_n(&place, &seen, now, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

// The present epoch, read before the marks: a mark made later belongs to it or to a later one. 0: nobody watches.
uint32_t present_epoch(const engine::Volume& volume) {
  if (!__atomic_load_n(&volume.superblock().origin_watched, __ATOMIC_RELAXED)) return 0;
  return __atomic_load_n(&volume.superblock().origin_epoch, __ATOMIC_ACQUIRE);
}

}  // namespace

void begin_epoch(engine::Volume& volume) {
  uint32_t& epoch = volume.superblock().origin_epoch;
  if (__atomic_add_fetch(&epoch, 1, __ATOMIC_ACQ_REL) == 0)
    __atomic_add_fetch(&epoch, 1, __ATOMIC_ACQ_REL);
}

namespace {

// The watch's number, or a negative errno.
int64_t add_watch(const engine::Volume& volume, int32_t descriptor, uint32_t mask) {
  char path[32];
  char* at = path + sizeof path - 1;
  *at = 0;
  for (auto number = static_cast<uint32_t>(descriptor); number || !*at; number /= 10)
    *--at = static_cast<char>('0' + number % 10);
  constexpr Text kBefore = {"/proc/self/fd/", 14};
  at -= kBefore.size;
  __builtin_memcpy(at, kBefore.data, kBefore.size);
  int32_t instance = static_cast<const Source*>(volume.origin_state())->watch;
  return raw_syscall(SYS_inotify_add_watch, instance, raw_argument(at), mask);
}

bool may_watch(const engine::Volume& volume) {
  return static_cast<const Source*>(volume.origin_state())->watch >= 0 && present_epoch(volume);
}

}  // namespace

void watch_directory(Context& context, InodeNumber directory, int32_t descriptor, bool attributes) {
  engine::Volume& volume = context.volume();
  const format::InodeRecord* record = volume.inode(directory.index());
  if (!record || is_watched(record->directory) || !may_watch(volume)) return;
  // Another may watch it for more at the same time: what he asked for stays.
  int64_t watch = add_watch(volume, descriptor, (attributes ? kNews : kNewsOfNames) | IN_MASK_ADD);
  if (watch < 0) return;
  format::Superblock& superblock = volume.superblock();
  uint32_t epoch = present_epoch(volume);
  if (!engine::note_watch(context, directory, static_cast<int32_t>(watch), epoch,
                          attributes ? epoch : format::kToldOfNames))
    return;
  uint32_t place = __atomic_fetch_add(&superblock.watched_count, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&superblock.watched[place % format::kWatchedRing], directory.index(),
                   __ATOMIC_RELEASE);
  // Who looks at names alone has nothing yet that could carry the new one; the directory itself is looked at once more.
  if (attributes) begin_epoch(volume);
}

void watch_attributes(Context& context, InodeNumber directory, int32_t descriptor, uint32_t from) {
  engine::Volume& volume = context.volume();
  const format::InodeRecord* record = volume.inode(directory.index());
  if (!record || load_epoch(record->directory.children_epoch) != from || !may_watch(volume)) return;
  int64_t watch = add_watch(volume, descriptor, kNews | IN_MASK_ADD);
  if (watch < 0 || watch != load_relaxed(record->directory.watch)) return;
  if (engine::note_told(context, directory, from, present_epoch(volume)).value_or(false))
    begin_epoch(volume);
}

void watch_attributes_of(Context& context, const format::InodeRecord& record,
                         format::InodeIndex index) {
  engine::Volume& volume = context.volume();
  InodeNumber above = directory_above(volume, record, index);
  if (!above ||
      load_epoch(volume.inode(above.index())->directory.children_epoch) != format::kToldOfNames)
    return;
  auto scratch = scratch_of(context);
  if (!scratch) return;
  auto path = source_path(context, above, {}, (*scratch)->path[0]);
  SourceFile file;
  if (!path || !file.open(context, *path, O_PATH | O_DIRECTORY)) return;
  watch_attributes(context, above, file.descriptor(), format::kToldOfNames);
}

void unwatch_attributes(Context& context, InodeNumber directory, int32_t descriptor) {
  if (!engine::note_told(context, directory, 0, format::kToldOfNamesForNow).value_or(false)) return;
  engine::Volume& volume = context.volume();
  const format::InodeRecord* record = volume.inode(directory.index());
  int64_t watch = add_watch(volume, descriptor, kNewsOfNames);
  // Something else stands there by now: it is to be told of as it was.
  if (watch >= 0 && record && watch != load_relaxed(record->directory.watch))
    (void)add_watch(volume, descriptor, kNews);
}

void count_own_change(Context& context, InodeNumber inode) {
  engine::Volume& volume = context.volume();
  const format::InodeRecord* record = volume.inode(inode.index());
  format::DirectoryPart* above = record ? part_above(volume, *record, inode.index()) : nullptr;
  if (above) base::store_relaxed(above->own_changes, load_relaxed(above->own_changes) + 1);
}

bool vouch_for_attributes(Context& context, format::InodeRecord& record, format::InodeIndex index) {
  engine::Volume& volume = context.volume();
  uint32_t now = present_epoch(volume);
  if (now == 0) return false;
  uint32_t seen = load_epoch(record.valid_epoch);
  return seen > doubtful_epoch(volume, record, index) && carry_over(record.valid_epoch, seen, now);
}

bool vouch_for_names(Context& context, format::InodeRecord& directory) {
  const engine::Volume& volume = context.volume();
  uint32_t now = present_epoch(volume);
  const format::DirectoryPart& part = directory.directory;
  if (now == 0 || !is_watched(part)) return false;
  uint32_t seen = load_epoch(part.names_epoch);
  uint32_t doubtful =
      base::max(load_epoch(volume.superblock().watch_floor),
                base::max(load_epoch(part.watch_epoch), load_epoch(part.changed_epoch)));
  return seen > doubtful && carry_over(directory.directory.names_epoch, seen, now);
}

}  // namespace bt::origin
