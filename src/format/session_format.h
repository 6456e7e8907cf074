// SPDX-License-Identifier: MIT
// Who works on the volume: a session per process (and one for the daemon), a slot per thread, and the open file
// descriptions they share.
#pragma once

#include "format/lock_format.h"
#include "format/types.h"

namespace bt::format {

// ---- session: one process ------------------------------------------------------------------------------------------
enum SessionState : uint32_t {
  kSessionFree = 0,
  kSessionLive = 1,
  kSessionForking =
      2,  // cloned for a child that has not run yet; pid is the parent's until it does
};

inline constexpr uint32_t kDescriptorPagesMax =
    64;  // × 1,024 descriptors; above that the kernel path serves

struct SessionRecord {
  LockRecord lock;      // 0    rank session: descriptor table and state
  uint32_t state;       // 16   guarded by lock; SessionState
  uint32_t pid;         // 20   guarded by lock; thread group id in the daemon's pid namespace
  uint64_t start_time;  // 24   guarded by lock; field 22 of /proc/PID/stat, clock ticks since boot
  uint32_t uid;         // 32   guarded by lock
  uint32_t generation;  // 36   guarded by lock; grows each time the record is used again
  uint64_t reserved64;  // 40
  char name[16];        // 48   hint: the program's comm, for views
  uint32_t descriptor_count;  // 64  guarded by lock
  // 68  atomic, no part of transactions: pid of the process that is in execve with it, whose next image claims it; 0 = none
  uint32_t heir;
  PageIndex descriptors[kDescriptorPagesMax];  // 72  guarded by lock; pages of kPageDescriptors
  InodeNumber cwd;        // 328 guarded by lock; 0 = outside; holds one of inode.opens
  PageIndex pins;         // 336 guarded by lock; PinPages: what its process has mapped
  uint32_t reserved32;    // 340
  InodeNumber leaving;    // 344 guarded by lock; the cwd before, until its open is given up
  uint64_t reserved[20];  // 352
};
static_assert(sizeof(SessionRecord) == 512);

// ---- slot: one thread ----------------------------------------------------------------------------------------------
// The most is a rename over a large dirty file in another directory: the rename lock, two each of directories, stripes and files,
// and the dirty list, the origin index and the orphan list.
inline constexpr uint32_t kHeldMax = 10;
inline constexpr uint32_t kLogMax = 384;

// 40 bytes that double as an entry of the thread's robust futex list (facts: engine.md 4.3): the kernel writes
// OWNER_DIED into `word` when the thread ends, however it ends.
struct TokenRecord {
  uint32_t word;           // 0   thread id of the owner, 0 free, FUTEX_OWNER_DIED when dead
  uint32_t reserved[5];    // 4
  uint64_t list_previous;  // 24  the owner's addresses; never read by anybody else
  uint64_t list_next;      // 32
};
static_assert(sizeof(TokenRecord) == 40);

inline constexpr uint64_t kLogHalfWord = 1ull << 63;
struct LogEntry {
  uint64_t place;  // offset from the start of the volume; kLogHalfWord set: a 4-byte word, else 8
  uint64_t old;
};

// Heads of the free objects this thread keeps at hand. Owner only; moved in transactions, so a kill cannot leak.
struct FreeLists {
  InodeIndex inodes;
  uint32_t inode_count;
  DentryIndex dentries;
  uint32_t dentry_count;
  PageIndex pages;
  uint32_t page_count;
  DescriptionIndex descriptions;
  uint32_t description_count;
  FileLockIndex file_locks;
  uint32_t file_lock_count;
  uint32_t reserved[6];
};

struct SlotRecord {
  TokenRecord token;         // 0
  uint32_t generation;       // 40   grows when the slot changes hands; 31 bits used
  SessionIndex session;      // 44   atomic: whose thread this is
  uint32_t in_transaction;   // 48   owner only
  uint32_t held_count;       // 52   owner only, until dead
  ShmOffset held[kHeldMax];  // 56   locks being taken or held
  FreeLists free;            // 136
  uint32_t log_count;        // 200  owner only, until dead: 0 is the commit point
  uint32_t reserved32;       // 204
  uint64_t stamp;            // 208  last FUSE request committed by this slot (docs/daemon.md)
  uint64_t reading;          // 216  inode a long reader is in; see engine/read
  uint64_t stamp_result;     // 224  bytes that the stamped request has written so far
  uint64_t waiting_owner;    // 232  atomic: POSIX lock owner asleep in wait_file_lock, 0 = none
  uint64_t waiting_for;      // 240  atomic: the owner whose lock it waits for
  InodeNumber changing
      [2];  // 248  owner only, until dead: directories it changes at the origin (engine/origin.h)
  uint64_t reserved;      // 264
  LogEntry log[kLogMax];  // 272
  uint64_t spare[(8192 - 272 - kLogMax * 16) / 8];
};
static_assert(sizeof(SlotRecord) == 8192);

// ---- open file description -----------------------------------------------------------------------------------------
struct DescriptionRecord {
  LockRecord
      lock;  // 0   rank description: offset (and cookie position) of read, write, lseek, getdents
  InodeNumber inode;  // 16  const once open; holds one of inode.opens
  uint32_t flags;     // 24  atomic relaxed; O_… status flags and access mode
  uint32_t
      references;  // 28  guarded by lock; entries of session tables (and FUSE handles) that name it
  uint64_t offset;             // 32  guarded by lock; bytes, or a directory's cookie
  DentryIndex list_hint;       // 40  hint: where a listing stopped, checked by its cookie
  DescriptionIndex free_next;  // 44  owner of the list it is on
  uint64_t origin;             // 48  guarded by lock
  uint32_t
      kernel_state;  // 56  guarded by lock; 1 = a kernel descriptor is authoritative for the offset
  uint32_t in_use;   // 60  1 while open
};
static_assert(sizeof(DescriptionRecord) == 64);

// ---- advisory locks on files -----------------------------------------------------------------------------------------
enum FileLockKind : uint32_t {
  kFileLockFree = 0,
  kFileLockPosix = 1,
  kFileLockDescription = 2,
  kFileLockFlock = 3
};

struct FileLockRecord {
  FileLockIndex next;    // 0   guarded by the inode's lock
  uint32_t kind;         // 4   FileLockKind
  uint64_t owner;        // 8   POSIX: session index and generation; OFD, flock: description index
  uint64_t start;        // 16  bytes
  uint64_t end;          // 24  inclusive; UINT64_MAX = to infinity
  uint32_t exclusive;    // 32
  uint32_t pid;          // 36  what F_GETLK answers
  InodeIndex inode;      // 40
  uint32_t reserved[5];  // 44
};
static_assert(sizeof(FileLockRecord) == 64);

}  // namespace bt::format
