// SPDX-License-Identifier: MIT
// The first 8 KiB of a volume: what it is, where its tables are, and the few things that are shared by all.
//
//   superblock 8 KiB │ sessions │ slots │ metrics blocks │ stripes │ origin stripes │ heads │ inodes │ dentries │
//   descriptions │ file locks │ page descriptors │ pages
//
// The file is sparse: a table costs memory only where it is used. Nothing reads a table beyond what was handed out, for
// reading a hole of a memfd allocates it.
#pragma once

#include <cstddef>

#include "format/lock_format.h"
#include "format/types.h"

namespace bt::format {

inline constexpr uint64_t kVolumeMagic = 0x31564553'55465442;  // "BTFUSEV1"
inline constexpr uint32_t kVolumeVersion = 1;

struct Region {
  uint64_t offset;  // bytes from the start of the volume, a multiple of 4096
  uint64_t
      count;  // records; indexes run from 1 to count - 1 (stripes and heads: from 0, powers of two)
};

struct Geometry {
  uint64_t volume_size;
  Region sessions, slots, metrics, stripes, origin_stripes, heads, inodes, dentries, descriptions,
      file_locks, page_descriptors, pages;
  uint64_t metrics_block_size;  // bytes; one block a slot
};

// Free records of one kind that no slot keeps. `fresh` is the first index that was never handed out: format need not
// touch the tables.
struct FreePool {
  LockRecord lock;  // rank allocator
  uint32_t head;    // guarded by lock
  uint32_t fresh;   // guarded by lock
  uint64_t count;   // guarded by lock; records on the list at head
  uint64_t reserved[4];
};
static_assert(sizeof(FreePool) == 64);

enum VolumeState : uint32_t { kVolumeServing = 1, kVolumeGone = 2 };

// The daemon reads the ring many times a second; what it missed it finds by looking at all inodes.
inline constexpr uint32_t kWatchedRing = 512;

// What is to be fetched ahead (origin/prefetcher.h). Requests are hints: one that is overwritten before the daemon has read it
// costs nothing but the time that it would have saved.
struct AheadRequest {
  InodeNumber directory;  // atomic relaxed
  uint32_t what;          // atomic relaxed: kAhead… below
  uint32_t reserved;
};
static_assert(sizeof(AheadRequest) == 16);
inline constexpr uint32_t kAheadRing = 16;
inline constexpr uint32_t kAheadAttributes = 1, kAheadPages = 2;  // beside the names

struct Superblock {
  uint64_t magic;        // const once formatted
  uint32_t version;      // const once formatted
  uint32_t layout_hash;  // const once formatted; of docs/layout.txt's records
  Geometry geometry;     // const once formatted; checked and copied at attach
  uint64_t id;  // const once formatted; random, never 0: st_dev's companion and the registry's key
  uint32_t owner_uid;       // const once formatted
  uint32_t options;         // const once formatted; kOption… below
  uint32_t state;           // atomic: VolumeState
  uint32_t frozen;          // atomic: 1 once damage was found; never cleared
  uint64_t damage_line;     // atomic: source line that found the first damage; 0 = none
  uint32_t daemon_pid;      // atomic; the worker
  uint32_t supervisor_pid;  // atomic
  uint64_t kernel_device;   // atomic; st_dev of the mount, as the kernel gives it
  uint32_t origin_mode;     // const once formatted; 0 none, 1 directory, 2 foreign daemon
  uint32_t
      origin_epoch;  // atomic: what is cached of the origin is true while it carries this number; 0 = ask each time
  uint64_t
      gate;  // atomic: 0, or the tag of who looks at the whole volume: transactions wait (engine/gate.h)
  uint64_t
      clock_rate;  // hint: nanoseconds per tick of the time stamp counter, times 2^32; 0 = not known yet
  uint32_t slots_used;       // atomic: slots from here on were never claimed; only grows
  uint32_t sessions_used;    // atomic: the same of sessions
  uint32_t slot_hint;        // hint: no free slot below it
  uint32_t session_hint;     // hint: no free session below it
  char damage_file[32];      // written once by who sets damage_line: source file, terminated
  LockRecord dirty_lock;     // rank allocator
  InodeIndex dirty_first;    // guarded by dirty_lock; files with data to be written back
  uint32_t dirty_count;      // guarded by dirty_lock
  uint64_t dirty_pages;      // atomic, never logged: about how many; the daemon counts anew
  uint32_t origin_watched;   // atomic: 1 while the daemon is told of changes at the origin
  uint32_t dirty_pages_max;  // atomic: writers push their own file beyond it
  alignas(64) uint32_t
      wake_daemon;  // atomic: futex; raised when somebody wants the daemon (pages short, damage)
  uint32_t wake_reserved[15];
  LockRecord rename_lock;  // rank rename
  uint64_t rename_reserved[6];
  // atomic: bumped in commit by what moves or hides directories, never rolled back. kTreeCovered beside it: something is
  // mounted over inodes that are marked kInodeCovered
  uint64_t dirtree_seq;
  int64_t
      coarse_time_ns;  // atomic: the time of day, a second late at most while the daemon lives; 0 = no daemon yet
  uint32_t mounts_read;  // atomic, daemon only: how often it has read the table of mounts
  uint32_t mounts_reserved;
  uint64_t dirtree_reserved[5];
  LockRecord orphan_lock;  // rank allocator
  InodeIndex orphans;      // guarded by orphan_lock
  uint32_t orphan_count;   // guarded by orphan_lock
  uint64_t orphan_reserved[5];
  FreePool free_inodes, free_dentries, free_pages, free_descriptions, free_file_locks;
  FreePool returned_pages;  // free pages without memory (engine/page_return.h); `fresh` is not used
  uint64_t
      trace_until;  // atomic relaxed: clock ticks; calls are timed and traced until then; 0 = never
  uint64_t trace_reserved[7];
  // atomic, daemon only: no watch vouches for what was found in this epoch or before (origin/watch.h)
  uint32_t watch_floor;
  uint32_t watched_count;  // atomic: directories watched so far; its remainder is the ring's place
  uint32_t cache_pages_max;  // atomic, daemon only: the budget; who fills beyond it evicts first
  uint32_t evict_hand;       // hint: page that is looked at next; two at once do no harm
  uint32_t probation_pages;  // hint: about how many pages are on probation
  uint32_t evictions;        // hint: pages evicted so far
  uint32_t inodes_max;  // atomic, daemon only: inodes in use beyond it are thrown out; 0 = none
  uint32_t evict_inode_hand;  // hint: inode that is looked at next; two at once do no harm
  uint32_t cache_reserved[8];
  InodeIndex watched[kWatchedRing];  // atomic: the last of them, for the daemon
  // atomic: futex; requests so far, its remainder is the ring's place
  alignas(64) uint32_t ahead_count;
  uint32_t ahead_asleep;   // atomic: 1 = the daemon's thread wants to be woken
  uint32_t ahead_allowed;  // const once formatted; 1 = somebody takes requests
  uint32_t ahead_reserved[13];
  AheadRequest ahead[kAheadRing];
};
static_assert(sizeof(Superblock) <= 8192);
inline constexpr uint64_t kTreeCovered = 1ull << 63;
static_assert(offsetof(Superblock, free_inodes) % 64 == 0);

inline constexpr uint64_t kSuperblockSizeBytes = 8192;

inline constexpr uint32_t kOptionReadOnly = 1;
inline constexpr uint32_t kOptionAllowOther = 2;
inline constexpr uint32_t kOptionNoAtime = 8;
inline constexpr uint32_t kOptionNoExec = 16;
inline constexpr uint32_t kOptionNoSuid = 32;

}  // namespace bt::format
