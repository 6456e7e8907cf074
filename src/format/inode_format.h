// SPDX-License-Identifier: MIT
// One inode, 256 bytes: attributes, the root of its data, and what only directories or links have.
//
//   0 lock  16 identity and mode  56 size and times  104 data  144 by type  240 links of the free and orphan lists
//
// Type-stable: an inode record is an inode record for ever; a free one has mode 0 and an odd life (see generation).
#pragma once

#include "format/lock_format.h"
#include "format/types.h"

namespace bt::format {

inline constexpr uint32_t kInodeInlineBytes = 88;

// What a directory keeps beyond other inodes. Entries form a list in the order of their cookies, which is the order of
// their making: a listing resumes at "the first cookie greater than mine".
struct DirectoryPart {
  DentryIndex first;     // guarded by the inode's lock
  DentryIndex last;      // guarded by the inode's lock
  uint64_t next_cookie;  // guarded by the inode's lock; starts at 3 (1 and 2 are . and ..)
  InodeNumber parent;  // guarded by the inode's lock (and the rename lock); the root's is the root
  uint64_t entry_count;  // guarded by the inode's lock; without . and ..
  // Of a directory that an origin stands behind:
  uint32_t
      names_epoch;  // guarded by the inode's lock; its names are all here and true in this origin_epoch
  uint32_t
      listings;  // guarded by the inode's lock; how often it was listed: the mark that entries get
  int64_t source_mtime_ns;  // guarded by the inode's lock; of the source when it was listed
  int64_t source_ctime_ns;  // guarded by the inode's lock
  // Told of changes there (origin/watch.h). All epochs: what was found true in a later one needs no second look.
  int32_t watch;           // atomic: the watch's number
  uint32_t watch_epoch;    // atomic: when the watch was set; 0 = none
  uint32_t changed_epoch;  // atomic, daemon only: the last news of the directory itself
  uint32_t renamed_epoch;  // atomic, daemon only: the last time its names were found to differ
  // atomic: news of an entry that has no changed_epoch; or one of the two below
  uint32_t children_epoch;
  uint32_t news;   // atomic, daemon only: grows with each news of a name in it
  uint32_t ahead;  // atomic: 1 = listed ahead of need (origin/prefetcher.h), and not used since
  uint32_t own_changes;  // hint: how often we changed an entry's attributes at the origin
};

// children_epoch of a directory of whose names alone we are told, but not of its and its entries' attributes: because nobody
// has asked for any, or because we change them so often that the news are our own.
inline constexpr uint32_t kToldOfNames = UINT32_MAX;
inline constexpr uint32_t kToldOfNamesForNow = UINT32_MAX - 1;

// What a regular file keeps when an origin stands behind it. Its pages are a cache then: a hole within the size is a page
// that is not here. Pages [first_dirty, last_dirty] may be newer here than there (kPageDirty says which).
struct CachedPart {
  int64_t
      source_mtime_ns;  // 0   guarded by the inode's lock; of the source when its bytes were last known to be ours
  int64_t source_ctime_ns;  // 8   guarded by the inode's lock
  uint64_t source_size;     // 16  guarded by the inode's lock; bytes
  uint64_t flush_tag;       // 24  atomic: tag of the slot that is writing it back, 0 = nobody
  int64_t
      dirtied_ns;  // 32  guarded by the inode's lock; CLOCK_REALTIME when the first page became dirty
  uint32_t first_dirty;   // 40  guarded by the inode's lock; page of the file
  uint32_t last_dirty;    // 44  guarded by the inode's lock
  InodeIndex dirty_next;  // 48  guarded by the superblock's dirty lock
  uint32_t
      write_error;  // 52  guarded by the inode's lock; errno of a failed write-back nobody was told of, 0 = none
  uint64_t source_blocks;  // 56  guarded by the inode's lock; 512 bytes each, as the source counts
  uint32_t changed_epoch;  // 64  atomic, daemon only: the last news of the file from the source
  uint32_t evicted_at;     // 68  hint: superblock.evictions when it lost a page on probation
  uint32_t ahead;          // 72  atomic: 1 = fetched ahead of need, and not used since
  // 76  atomic, daemon only, never logged: FUSE's OPENs less its RELEASEs, of files of scratch volumes too
  uint32_t kernel_opens;
  uint64_t
      remove_tag;  // 80  atomic: tag of the slot that is taking a name of it away at the origin, 0 = nobody, kLostTag
};

// A file that the origin has lost while some of its bytes are not here: nobody has those any more. No slot has this tag.
inline constexpr uint64_t kLostTag = UINT64_MAX;

struct InodeRecord {
  LockRecord lock;      // 0    rank inode
  uint32_t generation;  // 16   guarded by lock; grows when the record is freed
  uint32_t mode;        // 20   guarded by lock; type and permission bits, 0 = free
  uint32_t uid;         // 24   guarded by lock
  uint32_t gid;         // 28   guarded by lock
  uint32_t nlink;       // 32   guarded by lock
  uint32_t
      opens;  // 36   guarded by lock; open file descriptions and mapping pins that name this inode
  uint64_t kernel_lookups;  // 40   atomic, daemon only, never logged: FUSE's lookup count
  uint64_t rdev;            // 48   guarded by lock; device nodes
  uint64_t size;            // 56   guarded by lock; bytes
  int64_t atime_ns;     // 64   atomic relaxed: relatime is written without the lock, never logged
  int64_t mtime_ns;     // 72   guarded by lock
  int64_t ctime_ns;     // 80   guarded by lock
  int64_t btime_ns;     // 88   guarded by lock
  uint64_t change;      // 96   guarded by lock; grows with every change of data or attributes
  uint64_t page_count;  // 104  guarded by lock; data pages held, for st_blocks
  PageIndex root;       // 112  guarded by lock; radix root, or the only data page at height 0
  uint32_t
      height;  // 116  guarded by lock; 0: root is page 0 of the data; n: 1024^n pages reachable
  PageIndex
      xattrs;  // 120  guarded by lock; first page of the extended attributes, a list by descriptor.next
  uint32_t flags;            // 124  guarded by lock; kInode… below
  FileLockIndex file_locks;  // 128  guarded by lock; flock, POSIX and OFD locks
  uint32_t
      source_nlink;  // 132  guarded by lock; the origin's count of names; 0 in a scratch volume
  uint64_t origin;  // 136  guarded by lock; what the origin calls this inode; 0 in a scratch volume
  union {           // 144
    DirectoryPart directory;
    CachedPart cached;
    char link_target
        [kInodeInlineBytes];  // size bytes when size <= kInodeInlineBytes, else in page 0 of the data
  };
  InodeIndex
      next;  // 232  of a free record: its list. In the origin index: its chain, guarded by the stripe there
  InodeIndex orphan_next;  // 236  guarded by the superblock's orphan lock
  uint32_t
      file_lock_changes;  // 240  atomic, never logged: futex; grows when a lock on the file is given up
  uint32_t file_lock_waiters;  // 244  atomic, never logged: 1 = somebody sleeps on it
  uint32_t
      valid_epoch;  // 248  guarded by lock; attributes are the origin's in this origin_epoch; 0 = ask again
  DentryIndex name;  // 252  hint: a dentry that names it, by which its path at the origin is found
};
static_assert(sizeof(InodeRecord) == 256);
static_assert(sizeof(DirectoryPart) == kInodeInlineBytes);
static_assert(sizeof(CachedPart) == kInodeInlineBytes);

inline constexpr uint32_t kInodeOrphan =
    1;  // unused, too big for one transaction: on the orphan list
inline constexpr uint32_t kInodeHasAcl =
    2;  // a system.posix_acl_access attribute exists: check the kernel's way
inline constexpr uint32_t kInodeTmpfile =
    4;  // O_TMPFILE without O_EXCL: may be given a name by linkat
inline constexpr uint32_t kInodeHasDefaultAcl =
    16;  // a directory with a system.posix_acl_default attribute
inline constexpr uint32_t kInodeChangedHere =
    512;  // changed at the origin by us, which has not been asked since what the times are
inline constexpr uint32_t kInodeDirty = 32;  // on the dirty list: data to be written to the origin
inline constexpr uint32_t kInodeMappedBeyond =
    64;  // pages beyond the end may be mapped and hold anything (engine/page_removal.cc)
inline constexpr uint32_t kInodeXattrsKnown = 128;  // the origin's extended attributes are here
inline constexpr uint32_t kInodeInOriginIndex =
    256;  // found there by its `origin`; changes with both locks held
inline constexpr uint32_t kInodeCovered =
    512;  // something is mounted over it (superblock: kTreeCovered); daemon only
inline constexpr uint32_t kInodeKernelPages =
    1024;  // the kernel may keep pages of it: changes of its bytes are left to the kernel
inline constexpr uint32_t kInodeKernelStores =
    2048;  // programs may have stored into those: so is reading
inline constexpr uint32_t kInodeShrinking =
    8;  // pages beyond the end wait to be freed (engine/page_removal.cc)

// The origin index: from what the origin calls a file to its inode here, so that all its names lead to one. A number's chain
// begins at one of the heads and goes on through InodeRecord::next. Directories have one name and are not in it.
inline constexpr uint32_t kHeadsAnOriginStripe = 8;
struct OriginStripe {
  LockRecord lock;                        // rank allocator
  InodeIndex head[kHeadsAnOriginStripe];  // guarded by lock
  uint64_t reserved[2];
};
static_assert(sizeof(OriginStripe) == 64);

}  // namespace bt::format
