// SPDX-License-Identifier: MIT
// What may stand behind a volume, seen from the engine: a table of functions that the process has installed, asked when
// something is not here (a miss) and told when something is to change. The engine includes no origin; src/origin does the
// work with system calls inside the calling process, and puts what it learns into the volume through engine/cached.h.
// docs/cache.md has the states.
//
// Scratch volumes have no table: for them all of this is one load and a branch that is never taken.
#pragma once

#include "engine/data.h"
#include "engine/descriptions.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"

namespace bt::engine {

// All of these may sleep in system calls; none is called with a lock of the volume held. Errors are the source's own.
struct OriginTable {
  // ---- misses ------------------------------------------------------------------------------------------------------------
  // Makes the attributes of the inode those of the source. ESTALE: the source has it no more.
  Result<void> (*validate)(Context& context, InodeNumber inode);
  // Makes all names of the directory be here.
  Result<void> (*fill_names)(Context& context, InodeNumber directory);
  // Makes one name be here. ENOENT: the source does not have it.
  Result<void> (*fill_name)(Context& context, InodeNumber directory, Text name);
  // Brings the pages [first, first + count) that are not here and lie within the file.
  Result<void> (*fill_pages)(Context& context, InodeNumber inode, uint64_t first, uint64_t count);
  Result<void> (*fill_xattrs)(Context& context, InodeNumber inode);

  // ---- changes: made at the source first, then here ---------------------------------------------------------------------------
  Result<void> (*create)(Context& context, InodeNumber directory, Text name, const NewInode& what,
                         Attributes& made);
  Result<void> (*create_and_open)(Context& context, InodeNumber directory, Text name,
                                  const NewInode& what, SessionIndex session, int32_t fd,
                                  uint32_t flags, bool close_on_exec, Opened& opened);
  Result<void> (*remove)(Context& context, InodeNumber directory, Text name, bool is_directory);
  Result<void> (*link)(Context& context, InodeNumber inode, InodeNumber directory, Text name,
                       Attributes& after);
  Result<void> (*rename)(Context& context, InodeNumber from, Text from_name, InodeNumber to,
                         Text to_name, uint32_t flags);
  Result<void> (*set_attributes)(Context& context, InodeNumber inode, const AttributeChange& change,
                                 Attributes& after);
  // value == nullptr: removed.
  Result<void> (*set_xattr)(Context& context, InodeNumber inode, Text name, const void* value,
                            uint64_t size, uint32_t flags);
  Result<void> (*allocate_range)(Context& context, InodeNumber inode, uint32_t mode,
                                 uint64_t offset, uint64_t size);
  Result<uint64_t> (*seek_data)(Context& context, InodeNumber inode, uint64_t offset, bool hole);

  // ---- data that is newer here ----------------------------------------------------------------------------------------------
  // Pushes what is dirty; durable: and does not come back before the source's storage has it.
  Result<void> (*flush)(Context& context, InodeNumber inode, bool durable);
  void (*read_statistics)(Context& context, VolumeStatistics& statistics);
};

// While the origin itself is at work, the engine's operations on this thread concern what is here alone.
class OriginAtWork {
 public:
  explicit OriginAtWork(Thread& thread) : thread_(thread), before_(thread.origin_at_work) {
    thread.origin_at_work = true;
  }
  ~OriginAtWork() { thread_.origin_at_work = before_; }
  OriginAtWork(const OriginAtWork&) = delete;
  OriginAtWork& operator=(const OriginAtWork&) = delete;

 private:
  Thread& thread_;
  bool before_;
};

// The table to ask, or nullptr.
inline const OriginTable* origin_of(const Context& context) {
  const OriginTable* origin = context.volume().origin();
  if (!origin) [[likely]]
    return nullptr;
  return context.thread.origin_at_work ? nullptr : origin;
}

inline bool is_current_epoch(const Volume& volume, uint32_t epoch) {
  uint32_t now = __atomic_load_n(&volume.superblock().origin_epoch, __ATOMIC_RELAXED);
  return now != 0 && epoch == now;
}

// Whether somebody may read the file for as long as he likes, in-process or through the kernel.
inline bool is_file_open(const InodeRecord& file) {
  return load_relaxed(file.opens) != 0 || load_relaxed(file.cached.kernel_opens) != 0;
}
// Whether every page of it is here, as far as the record tells.
inline bool has_all_pages(const InodeRecord& file) {
  return load_relaxed(file.page_count) >= base::divide_up(load_relaxed(file.size), kPageSizeBytes);
}
// Whether what is not here of a file is a hole: it has no name any more, its removal is over (origin/removal.h), and nothing was lost.
inline bool is_all_here(const InodeRecord& file) {
  return __atomic_load_n(&file.nlink, __ATOMIC_ACQUIRE) == 0 &&
         __atomic_load_n(&file.cached.remove_tag, __ATOMIC_ACQUIRE) == 0;
}
// A file that was lost at the origin while nobody had it open: its bytes may not be here, and can be had no more.
inline bool is_lost_file(const Volume& volume, const InodeRecord& inode) {
  return volume.origin() && load_relaxed(inode.nlink) == 0 &&
         (load_relaxed(inode.mode) & kModeType) == kModeRegular && !is_file_open(inode);
}

// Before reading attributes.
inline Result<void> require_attributes(Context& context, InodeNumber inode) {
  const OriginTable* origin = origin_of(context);
  if (!origin) [[likely]]
    return {};
  const InodeRecord* record = context.volume().inode(inode.index());
  if (record && is_current_epoch(context.volume(), load_relaxed(record->valid_epoch)) &&
      !(load_relaxed(record->flags) & kInodeChangedHere))
    return {};
  return origin->validate(context, inode);
}

// Before reading attributes other than the times, which may still have to be asked for after a change of ours.
inline Result<void> require_rights(Context& context, InodeNumber inode) {
  const OriginTable* origin = origin_of(context);
  if (!origin) [[likely]]
    return {};
  const InodeRecord* record = context.volume().inode(inode.index());
  if (record && is_current_epoch(context.volume(), load_relaxed(record->valid_epoch))) return {};
  return origin->validate(context, inode);
}

// Before looking for names, or listing them.
inline Result<void> require_names(Context& context, InodeNumber directory) {
  const OriginTable* origin = origin_of(context);
  if (!origin) [[likely]]
    return {};
  const Volume& volume = context.volume();
  const InodeRecord* record = volume.inode(directory.index());
  if (record && is_current_epoch(volume, load_relaxed(record->valid_epoch)) &&
      is_current_epoch(volume, load_relaxed(record->directory.names_epoch)))
    return {};
  return origin->fill_names(context, directory);
}

// Before looking for one name. True: the directory may be searched and not listed, so that the origin is asked for each name.
inline Result<bool> require_names_to_search(Context& context, InodeNumber directory) {
  Result<void> listed = require_names(context, directory);
  if (!listed && listed.error() == Error(EACCES)) return true;
  BT_TRY(listed);
  return false;
}

// Before reading extended attributes.
inline Result<void> require_xattrs(Context& context, InodeNumber inode) {
  const OriginTable* origin = origin_of(context);
  if (!origin) [[likely]]
    return {};
  BT_TRY(require_attributes(context, inode));
  const InodeRecord* record = context.volume().inode(inode.index());
  if (record && (load_relaxed(record->flags) & kInodeXattrsKnown)) return {};
  return origin->fill_xattrs(context, inode);
}

}  // namespace bt::engine
