// SPDX-License-Identifier: MIT
// Attributes that an origin has told of.
#include "base/user_copy.h"
#include "engine/cached.h"
#include "engine/file_pages.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"

namespace bt::engine {
namespace {

// Of clock_now_ns, against the kernel's.
constexpr int64_t kClockErrorNs = 1'000'000;

// Of a clean file: its bytes at the source are not those that are here. Our own change, of which the record has the time, moved
// the ctime alone.
bool has_other_bytes(const InodeRecord& record, const SourceAttributes& source) {
  const CachedPart& cached = record.cached;
  bool changed_here = record.flags & kInodeChangedHere;
  bool other_ctime =
      changed_here
          ? source.ctime_ns > base::max(record.ctime_ns, cached.source_ctime_ns) + kClockErrorNs
          : cached.source_ctime_ns != source.ctime_ns;
  return other_ctime || cached.source_mtime_ns != source.mtime_ns ||
         cached.source_size != source.size;
}

// The daemon is told of what others do in it.
bool is_watched(const Volume& volume, const DirectoryPart& part) {
  return __atomic_load_n(&volume.superblock().origin_watched, __ATOMIC_RELAXED) &&
         __atomic_load_n(&part.watch_epoch, __ATOMIC_RELAXED);
}

void store_file(Transaction& txn, InodeRecord& record, const SourceAttributes& source) {
  CachedPart& cached = record.cached;
  txn.store(cached.source_mtime_ns, source.mtime_ns);
  txn.store(cached.source_ctime_ns, source.ctime_ns);
  txn.store(cached.source_size, source.size);
  txn.store(cached.source_blocks, source.blocks);
  if (record.flags & kInodeDirty) return;
  txn.store(record.size, source.size);
  txn.store(record.mtime_ns, source.mtime_ns);
  txn.store(record.ctime_ns, source.ctime_ns);
}

void store_directory(Transaction& txn, Volume& volume, InodeRecord& record,
                     const SourceAttributes& source, bool ours) {
  DirectoryPart& part = record.directory;
  bool differs = part.source_mtime_ns != source.mtime_ns || part.source_ctime_ns != source.ctime_ns;
  if (differs && !ours) txn.store(part.names_epoch, 0u);
  if (differs && ours) {
    // Somebody else's change between ours and the look at the source would go unnoticed, unless the daemon is told of it.
    bool watched = is_watched(volume, part);
    txn.store(part.source_mtime_ns, watched ? source.mtime_ns : 0);
    txn.store(part.source_ctime_ns, watched ? source.ctime_ns : 0);
  }
  txn.store(record.size, source.size);
  txn.store(record.mtime_ns, source.mtime_ns);
  txn.store(record.ctime_ns, source.ctime_ns);
}

Result<void> store_link(Transaction& txn, Context& context, InodeNumber inode, InodeRecord& record,
                        Text target) {
  if (target.size <= kInodeInlineBytes) {
    // A link's target never changes while its inode lives; writing the same bytes again harms no reader.
    copy_unseen(record.link_target, target.data, target.size);
  } else if (record.root == PageIndex::kNone) {
    PageIndex page = take_page(txn, context.thread, inode.index(), 0, kPageData);
    char* bytes = context.volume().page(page);
    if (!bytes) return BT_DAMAGED(context.volume());
    copy_unseen(bytes, target.data, target.size);
    base::zero_user(bytes + target.size, kPageSizeBytes - target.size);
    txn.store(record.root, page);
    txn.store(record.page_count, uint64_t{1});
  }
  txn.store(record.size, uint64_t{target.size});
  return {};
}

enum class Stored { kDone, kDropPagesFirst };

// How the source's attributes came to be asked for.
struct Asked {
  bool ours;  // after a change of our own
  bool ahead = false;
  uint64_t change = kAnyChange;  // of the record, before the source was asked
};

Result<Stored> store_once(Context& context, InodeNumber inode, const SourceAttributes& source,
                          Asked asked, Text target) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  bool ours = asked.ours;
  if (asked.ahead && (record->valid_epoch != 0 || record->change != asked.change))
    return Error(EAGAIN);
  bool changed_here = record->flags & kInodeChangedHere;
  // Of a dirty file, size and times stay ours anyway.
  bool clean_file = (record->mode & kModeType) == kModeRegular && !(record->flags & kInodeDirty);
  if ((changed_here || clean_file) && asked.change != kAnyChange && record->change != asked.change)
    return Error(EAGAIN);
  // Without a name it is not what the source was asked for, whatever has its number there by now.
  bool is_it = record->nlink != 0 && record->origin == source.number &&
               ((record->mode ^ source.mode) & kModeType) == 0;
  if (!is_it) return Error(ESTALE);
  uint32_t type = source.mode & kModeType;
  bool drops =
      clean_file && !ours && record->root != PageIndex::kNone && has_other_bytes(*record, source);
  if (drops) {
    bool gone = free_pages_from(txn, context.thread, *record, 0, kPagesFreedAtOnce);
    if (!gone) {
      txn.commit();
      return Stored::kDropPagesFirst;
    }
  }
  bool doubts_xattrs = record->ctime_ns != source.ctime_ns && (record->flags & kInodeXattrsKnown);
  if (doubts_xattrs || changed_here)
    txn.store(record->flags,
              record->flags & ~(kInodeChangedHere | (doubts_xattrs ? kInodeXattrsKnown : 0)));
  bool other_rights =
      record->mode != source.mode || record->uid != source.uid || record->gid != source.gid;
  if (is_directory(source.mode) && other_rights) txn.bump_dirtree();
  txn.store(record->mode, source.mode);
  txn.store(record->uid, source.uid);
  txn.store(record->gid, source.gid);
  txn.store(record->source_nlink, source.nlink);
  txn.store(record->rdev, source.rdev);
  txn.store(record->btime_ns, source.btime_ns);
  txn.store(record->change, record->change + (type == kModeDirectory ? 0 : 1));
  __atomic_store_n(&record->atime_ns, source.atime_ns, __ATOMIC_RELAXED);
  if (type == kModeRegular)
    store_file(txn, *record, source);
  else if (type == kModeDirectory)
    store_directory(txn, context.volume(), *record, source, ours || changed_here);
  else if (type == kModeLink)
    BT_TRY(store_link(txn, context, inode, *record, target));
  if (type != kModeRegular && type != kModeDirectory) {
    txn.store(record->mtime_ns, source.mtime_ns);
    txn.store(record->ctime_ns, source.ctime_ns);
  }
  txn.store(record->valid_epoch, source.epoch);
  txn.commit();
  return Stored::kDone;
}

Result<void> store(Context& context, InodeNumber inode, const SourceAttributes& source, Asked asked,
                   Text link_target) {
  for (;;) {
    Needs needs;
    needs.pages = link_target.size > kInodeInlineBytes ? 1 : 0;
    BT_TRY(prepare(context.thread, needs));
    BT_TRY_ASSIGN(Stored stored, store_once(context, inode, source, asked, link_target));
    settle(context.thread);
    if (stored == Stored::kDone) return {};
  }
}

uint32_t* ahead_mark(InodeRecord& inode) {
  uint32_t type = load_relaxed(inode.mode) & kModeType;
  if (type == kModeDirectory) return &inode.directory.ahead;
  return type == kModeRegular ? &inode.cached.ahead : nullptr;
}

}  // namespace

Result<void> store_source_attributes(Context& context, InodeNumber inode,
                                     const SourceAttributes& source, bool ours, Text link_target,
                                     uint64_t change) {
  return store(context, inode, source, {.ours = ours, .change = change}, link_target);
}

Result<bool> note_own_change(Context& context, InodeNumber inode, uint32_t mode) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  if (is_directory(record->mode) && !is_watched(context.volume(), record->directory)) return false;
  txn.store(record->flags, (record->flags | kInodeChangedHere) & ~kInodeXattrsKnown);
  if (mode) {
    txn.store(record->mode, mode);
    mark_changed(txn, *record, clock_now_ns(context.thread));
  }
  txn.commit();
  return true;
}

Result<void> store_attributes_ahead(Context& context, InodeNumber inode,
                                    const SourceAttributes& source, Text link_target,
                                    uint64_t change) {
  return store(context, inode, source, {.ours = false, .ahead = true, .change = change},
               link_target);
}

bool take_ahead_mark(InodeRecord& inode) {
  uint32_t* mark = ahead_mark(inode);
  return mark && load_relaxed(*mark) && __atomic_exchange_n(mark, 0, __ATOMIC_RELAXED);
}

void set_ahead_mark(InodeRecord& inode) {
  if (uint32_t* mark = ahead_mark(inode)) __atomic_store_n(mark, 1, __ATOMIC_RELAXED);
}

Result<void> note_watch(Context& context, InodeNumber directory, int32_t watch, uint32_t epoch,
                        uint32_t children) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  DirectoryPart& part = record->directory;
  bool is_watched_already = part.watch == watch && part.watch_epoch != 0;
  if (epoch == 0 && part.watch == watch) __atomic_store_n(&part.watch_epoch, 0, __ATOMIC_RELEASE);
  if (epoch != 0) {
    // Who watched it at the same time may be told of more.
    if (!is_watched_already || children != kToldOfNames)
      __atomic_store_n(&part.children_epoch, children, __ATOMIC_RELEASE);
    __atomic_store_n(&part.watch, watch, __ATOMIC_RELAXED);
    __atomic_store_n(&part.watch_epoch, epoch, __ATOMIC_RELEASE);
  }
  txn.roll_back();  // Nothing was logged: these words are true whoever dies.
  return {};
}

Result<bool> note_told(Context& context, InodeNumber directory, uint32_t from, uint32_t epoch) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  DirectoryPart& part = record->directory;
  bool was_so = epoch == kToldOfNamesForNow ? part.children_epoch < kToldOfNamesForNow
                                            : part.children_epoch == from;
  if (was_so) __atomic_store_n(&part.children_epoch, epoch, __ATOMIC_RELEASE);
  txn.roll_back();  // As above.
  return was_so;
}

Result<bool> note_news(Context& context, InodeNumber inode, News news, uint32_t epoch) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  uint32_t type = record->mode & kModeType;
  uint32_t* mark = nullptr;
  if (type == kModeDirectory) {
    DirectoryPart& part = record->directory;
    mark = news == News::kRenamed    ? &part.renamed_epoch
           : news == News::kChildren ? &part.children_epoch
                                     : &part.changed_epoch;
    if (news == News::kName || news == News::kRenamed)
      __atomic_add_fetch(&part.news, 1, __ATOMIC_ACQ_REL);
    if (news == News::kRenamed) {
      __atomic_store_n(&part.names_epoch, 0, __ATOMIC_RELEASE);
      __atomic_add_fetch(&context.volume().superblock().dirtree_seq, 1, __ATOMIC_RELEASE);
    }
  } else if (type == kModeRegular) {
    mark = &record->cached.changed_epoch;
  }
  bool is_told = !mark || news != News::kChildren || *mark < kToldOfNamesForNow;
  if (mark && is_told) __atomic_store_n(mark, epoch, __ATOMIC_RELEASE);
  txn.roll_back();  // As above.
  return mark != nullptr;
}

}  // namespace bt::engine
