// SPDX-License-Identifier: MIT
// What an origin puts into a volume, and marks there: names, attributes and pages that are copies of a source's. Each
// function is one transaction (or a bounded number) and leaves a volume that is right whatever happens next.
//
// Identity: an inode's `origin` is the source's inode number; a name whose inode number at the source changed stands for
// another inode here too, and names with the same number for one (engine/origin_index.h).
#pragma once

#include "engine/operations.h"
#include "engine/transaction.h"

namespace bt::engine {

struct SourceAttributes {
  uint32_t epoch;   // origin_epoch before the source was asked
  uint64_t number;  // the source's inode number
  uint32_t mode, uid, gid, nlink;
  uint64_t size, rdev, blocks;  // blocks of 512 bytes
  int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
};

// ---- names ---------------------------------------------------------------------------------------------------------------
// A name that the source has.
struct SourceName {
  InodeNumber directory;
  Text name;
  uint64_t number;  // the source's inode number
  uint32_t type;    // S_IFMT bits
  uint8_t seen;     // marks the entry for end_listing; 0: no listing
};
// An inode that has the number by other names already. Whether the name is one more of that file, or the number was given away
// anew, only the source can tell.
struct Namesake {
  InodeNumber inode;
  bool is_same = false;
};
// The name is there and stands for what it says. Of a new inode nothing else is known yet: its attributes are not valid. 0: there
// is a namesake, another one than the caller has named; he finds out whether it is the same file and calls again.
Result<InodeNumber> enter_name(Context& context, const SourceName& name, Namesake& namesake);
// The file is gone at the source: whatever has its number there is another. What is here of it stays until its names go.
Result<void> disown(Context& context, InodeNumber inode);
// By the file's only name the source has another now, with this number and no other name. Where no byte of the old one is here,
// and so nobody has read any, the inode stands for the new one from now on. ESTALE: it cannot.
Result<void> adopt_number(Context& context, InodeNumber inode, uint64_t number);
// The source has the name no more.
Result<void> drop_name(Context& context, InodeNumber directory, Text name);
// Where a listing of the source begins; end_listing tells whether what was entered meanwhile is the whole truth.
struct Listing {
  uint64_t change;       // of the directory's record
  uint64_t next_cookie;  // names from here on were made by others meanwhile
  uint32_t news;         // of the source's names
  uint32_t listings;     // of the directory
  uint8_t seen;          // follows from it
};
// Whether another thread is just changing names of the directory at the source (SlotRecord::changing).
bool is_changed_elsewhere(const Context& context, InodeNumber directory);
Result<void> begin_listing(Context& context, InodeNumber directory, Listing& listing);
// Drops the names of before that enter_name has not marked, and declares the rest complete as of `source`. EAGAIN: somebody
// changed names meanwhile, or is changing some (then none are dropped); what was entered is right, but may not be all.
Result<void> end_listing(Context& context, InodeNumber directory, const Listing& listing,
                         const SourceAttributes& source);
// The inode that the name stands for remembers this name (after a rename).
Result<void> name_again(Context& context, InodeNumber directory, Text name);
// The source's extended attributes are all here.
Result<void> note_xattrs_known(Context& context, InodeNumber inode);
// Its times at the source are what they were when it was listed: the names hold in this epoch too.
Result<void> keep_names(Context& context, InodeNumber directory, uint32_t epoch);
// Throws out the entries of a directory, with their inodes and pages, as far as nobody uses them; how many. Not of one that is
// open or that the kernel knows. Subdirectories go too, if they are empty here and their attributes were last used before
// `before_epoch`. UINT32_MAX: none do, and no names of a directory that is not listed. It is listed anew at its next use.
Result<uint32_t> evict_names(Context& context, InodeNumber directory, uint32_t before_epoch);
// Looks again at the next use: names of a directory, attributes of any inode.
Result<void> invalidate(Context& context, InodeNumber inode, bool names_too);

// ---- attributes ----------------------------------------------------------------------------------------------------------
// Takes over what the source says. Of a file with dirty pages, size and times stay ours. Where size or times of a clean
// file differ from when its pages were known to be the source's, they are dropped, unless `ours`: the difference was made
// by a change of our own. A directory whose times differ is listed anew, likewise.
// link_target: of a symbolic link. EAGAIN: the inode was changed here (note_own_change), or its file written to and written back,
// since `change` was read of its record, before the source was asked.
inline constexpr uint64_t kAnyChange = UINT64_MAX;
Result<void> store_source_attributes(Context& context, InodeNumber inode,
                                     const SourceAttributes& source, bool ours, Text link_target,
                                     uint64_t change = kAnyChange);
// A change of ours is at the source. What it made of the times there is asked for when somebody wants to know. Whatever else
// differs then is a stranger's work: of a file more than the ctime, or that later than now; what becomes of a directory's names
// the daemon is told. mode: the new one; 0: as it is, and the engine's own operation has changed the record's times already.
// False: nobody watches the directory, its times must be asked for now.
Result<bool> note_own_change(Context& context, InodeNumber inode, uint32_t mode);
// The same ahead of need: kept only if nobody has asked for them yet and nothing here has changed since `change` was read of
// the record, else EAGAIN. So what was asked of the source before a change of our own never covers what the change has left.
Result<void> store_attributes_ahead(Context& context, InodeNumber inode,
                                    const SourceAttributes& source, Text link_target,
                                    uint64_t change);
// Whether something of the inode was fetched ahead and is used now for the first time; it is a hint, and asked without locks.
bool take_ahead_mark(InodeRecord& inode);
void set_ahead_mark(InodeRecord& inode);

// ---- news -------------------------------------------------------------------------------------------------------------------
// The directory is watched from `epoch` on (origin/watch.h); 0: no more, if `watch` is the one that it had. children: as
// DirectoryPart::children_epoch, if it was not watched before; kToldOfNames or `epoch`.
Result<void> note_watch(Context& context, InodeNumber directory, int32_t watch, uint32_t epoch,
                        uint32_t children);
// The watch tells of attributes too, from `epoch` on, if children_epoch was `from` (kToldOf…). With epoch kToldOfNamesForNow
// no more, if it was told of them so far. Whether it was so.
Result<bool> note_told(Context& context, InodeNumber directory, uint32_t from, uint32_t epoch);
// What the source told of an inode, in `epoch`.
enum class News : uint8_t {
  kItself,    // it changed
  kName,      // a name in it, which it may be here already
  kRenamed,   // its names are not those that are here
  kChildren,  // an entry that has no mark of its own
};
// False: an inode without such a mark.
Result<bool> note_news(Context& context, InodeNumber inode, News news, uint32_t epoch);

// ---- pages ----------------------------------------------------------------------------------------------------------------
// Fills those of the pages [first, first + count) that are not here, from `bytes` (whole pages, count <= kCachedPagesAtOnce),
// unless the file was changed since `change` was read: EAGAIN.
inline constexpr uint32_t kCachedPagesAtOnce = 32;
Result<void> put_pages(Context& context, InodeNumber inode, uint64_t change, uint64_t first,
                       uint32_t count, const char* bytes);
// The file has pages within [first, last] that are newer than the source's: called inside the writer's transaction.
Result<void> note_dirty(Transaction& txn, Thread& thread, InodeRecord& inode, InodeIndex index,
                        uint64_t first, uint64_t last);

// The superblock counts dirty pages: one more when a page becomes dirty, one less when it is clean or goes. A page that
// takes a dirty one's place takes over its mark, so that writing the same page again does not count again. Precondition:
// the inode's lock; `fresh` is this transaction's.
void hand_on_dirty(const Volume& volume, const PageDescriptor& old, PageIndex fresh);
// A page with this mark goes without having been written back.
void forget_dirty_page(const Volume& volume, const PageDescriptor& page);

// One bounded part of a file to be written back: pages copied under the lock, with what tells later whether they changed.
struct DirtyRun {
  uint64_t first;  // page of the file
  uint32_t count;  // 0: nothing is dirty
  uint64_t size;   // bytes of the run that lie within the file
  PageIndex page[kCachedPagesAtOnce];
};
// From page `from` on. bytes: kCachedPagesAtOnce pages.
Result<void> take_dirty(Context& context, InodeNumber inode, uint64_t from, DirtyRun& run,
                        char* bytes);
// The run is at the source: pages that did not change since are clean.
Result<void> mark_clean(Context& context, InodeNumber inode, const DirtyRun& run);
// Nothing is dirty any more (if that is so): off the dirty list. `source` as after the write-back.
Result<void> finish_flush(Context& context, InodeNumber inode, const SourceAttributes& source);
// An inode that nobody can name any more, used or not, has nothing to write back.
Result<void> forget_dirty(Transaction& txn, Thread& thread, InodeRecord& inode, InodeIndex index);
// A failed write-back, to be told once; take_write_error tells (0: none).
Result<void> note_write_error(Context& context, InodeNumber inode, int32_t error);
Result<int32_t> take_write_error(Context& context, InodeNumber inode);

// Frees up to kCachedPagesAtOnce clean, unpinned pages of the file among the pages [from, from + count); the number freed, and
// where to go on.
Result<uint32_t> evict_pages(Context& context, InodeNumber inode, uint64_t from, uint64_t& next,
                             uint64_t count = UINT64_MAX);

}  // namespace bt::engine
