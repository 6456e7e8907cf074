// SPDX-License-Identifier: MIT
#include "origin/watch.h"

#include <sys/inotify.h>
#include <sys/syscall.h>

#include "engine/permissions.h"
#include "engine/seq_read.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;

constexpr uint32_t kNews = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                           IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

uint32_t load_epoch(const uint32_t& place) { return __atomic_load_n(&place, __ATOMIC_RELAXED); }

bool is_watched(const format::DirectoryPart& part) {
  return __atomic_load_n(&part.watch_epoch, __ATOMIC_ACQUIRE) != 0;
}

// The directory in which the file hangs by the name that is remembered; nullptr: not known.
const format::DirectoryPart* part_above(const engine::Volume& volume,
                                        const format::InodeRecord& record,
                                        format::InodeIndex index) {
  const format::DentryRecord* dentry = volume.dentry(load_relaxed(record.name));
  if (!dentry || load_relaxed(dentry->kind) != format::kDentryName ||
      load_relaxed(dentry->child) != index ||
      load_relaxed(dentry->child_generation) != load_relaxed(record.generation))
    return nullptr;
  const format::InodeRecord* above = volume.inode(load_relaxed(dentry->parent));
  if (!above || !engine::is_directory(load_relaxed(above->mode))) return nullptr;
  return &above->directory;
}

// The last epoch of which nobody vouches for what was found in it; UINT32_MAX: for nothing at all.
uint32_t doubtful_epoch(const engine::Volume& volume, const format::InodeRecord& record,
                        format::InodeIndex index) {
  uint32_t floor = load_epoch(volume.superblock().watch_floor);
  uint32_t type = load_relaxed(record.mode) & engine::kModeType;
  if (type == engine::kModeDirectory) {
    const format::DirectoryPart& part = record.directory;
    if (!is_watched(part)) return UINT32_MAX;
    return base::max(floor,
                     base::max(load_epoch(part.watch_epoch), load_epoch(part.changed_epoch)));
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

void watch_directory(Context& context, InodeNumber directory, int32_t descriptor) {
  engine::Volume& volume = context.volume();
  int32_t instance = static_cast<const Source*>(volume.origin_state())->watch;
  format::InodeRecord* record = volume.inode(directory.index());
  if (instance < 0 || !record || is_watched(record->directory) || present_epoch(volume) == 0)
    return;
  char path[32];
  char* at = path + sizeof path - 1;
  *at = 0;
  for (auto number = static_cast<uint32_t>(descriptor); number || !*at; number /= 10)
    *--at = static_cast<char>('0' + number % 10);
  constexpr Text kBefore = {"/proc/self/fd/", 14};
  at -= kBefore.size;
  __builtin_memcpy(at, kBefore.data, kBefore.size);
  int64_t watch = raw_syscall(SYS_inotify_add_watch, instance, raw_argument(at), kNews);
  if (watch < 0) return;
  format::Superblock& superblock = volume.superblock();
  uint32_t epoch = present_epoch(volume);
  if (!engine::note_watch(context, directory, static_cast<int32_t>(watch), epoch)) return;
  uint32_t place = __atomic_fetch_add(&superblock.watched_count, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&superblock.watched[place % format::kWatchedRing], directory.index(),
                   __ATOMIC_RELEASE);
  begin_epoch(volume);
}

bool vouch_for_attributes(Context& context, format::InodeRecord& record, format::InodeIndex index) {
  const engine::Volume& volume = context.volume();
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
