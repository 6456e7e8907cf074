// SPDX-License-Identifier: MIT
// Descriptor numbers. A descriptor of ours is a real number of the kernel's table, kept by a placeholder: a duplicate of
// an O_PATH descriptor of the mount point, close-on-exec as far as the kernel knows. What the program sees of it is the
// entry in the private table (one word, below) and the session's table in the volume.
//
// Closing keeps the placeholder in a small pool, so that an open that follows needs no system call. The lowest-number
// rule holds because every number below `low_free` is known to be taken in the kernel's table.
//
//   entry   63 ours │ 62 kept back or hidden (EBADF for the program) │ 44..40 flags │ 39..32 mount │ 31..0 description
//
// Locking: `lock` guards numbers and bookkeeping; entries are read, and the pool is used, without it. A reader takes the entry, then what
// the description says, then looks at the entry again: unchanged means that the description was open in between.
#pragma once

#include "posix/first_look.h"
#include "posix/mounts.h"
#include "posix/number_pool.h"

namespace bt::posix {

inline constexpr uint64_t kEntryOurs = 1ull << 63;
inline constexpr uint64_t kEntryReserved = 1ull << 62;
inline constexpr uint64_t kEntryCloseOnExec = 1ull << 40;
inline constexpr uint64_t kEntryReadable = 1ull << 41;
inline constexpr uint64_t kEntryWritable = 1ull << 42;
inline constexpr uint64_t kEntryPathOnly = 1ull << 43;
inline constexpr uint64_t kEntryDirectory = 1ull << 44;
// The kernel's descriptor under this number is the FUSE file itself, not a placeholder.
inline constexpr uint64_t kEntryReal = 1ull << 45;

inline engine::DescriptionIndex entry_description(uint64_t entry) {
  return engine::DescriptionIndex{static_cast<uint32_t>(entry)};
}
inline Mount& entry_mount(uint64_t entry) { return mounts[(entry >> 32) & (kMountsMax - 1)]; }
// What an open with these O_… flags makes.
uint64_t make_entry(const Mount& mount, engine::DescriptionIndex description, uint32_t flags,
                    bool directory);

// Two words that belong together; `seq` is odd while they change. Writers hold the files' lock.
struct WorkingDirectoryState {
  uint64_t seq;
  uint64_t inode;
  uint32_t mount;        // index + 1, 0 = elsewhere
  uint32_t above_mount;  // index + 1 of a mount that lies below the working directory, 0 = none
  uint32_t
      above_size;  // bytes of that mount's path up to and with the slash behind the working directory
};

// Who a process is, so that nobody is taken for it after it is gone.
struct Identity {
  uint32_t pid;         // 0: not read yet
  uint64_t start_time;  // clock ticks since boot, field 22 of /proc/PID/stat; 0: not known yet
};

// What the kernel keeps per process as far as files go. A vfork child shares its parent's memory but has a copy of this.
struct Files {
  DescriptorTable* table;
  uint32_t lock;        // 0 free, 1 held, 2 somebody sleeps
  int32_t low_free;     // written under lock: every number below is taken in the kernel
  NumberPool pool;      // placeholders kept back; atomic
  uint32_t high_water;  // atomic relaxed, only grows: no entry at or above
  uint32_t umask;
  // Hidden O_PATH descriptor of each mount point + 1; 0 until needed; guarded by lock. In here, because a vfork child
  // that moves one away moves it in its own table of the kernel alone.
  int32_t mount_root[kMountsMax];
  engine::SessionIndex session[kMountsMax];  // this process in each volume; kNone until needed
  WorkingDirectoryState cwd;
  Identity identity;
};
extern Files process_files;

class FilesGuard {
 public:
  explicit FilesGuard(Files& files);
  ~FilesGuard();
  FilesGuard(const FilesGuard&) = delete;
  FilesGuard& operator=(const FilesGuard&) = delete;

 private:
  Files& files_;
};
void lock_files(Files& files);
void unlock_files(Files& files);

inline uint64_t read_entry(const Files& files, uint64_t fd) {
  if (fd >= DescriptorTable::kSize) return 0;
  return __atomic_load_n(&files.table->entry[fd], __ATOMIC_ACQUIRE);
}
void write_entry(Files& files, int32_t fd, uint64_t entry);

// A number for an open out of the pool, or -1. No lock.
inline int32_t take_kept_number(Files& files) {
  return files.pool.take(0, __atomic_load_n(&files.low_free, __ATOMIC_RELAXED));
}
// Keeps the placeholder of a number that the program closed; false: the pool is full. No lock.
inline bool keep_number(Files& files, int32_t fd) {
  __atomic_store_n(&files.table->entry[fd], kEntryReserved, __ATOMIC_RELEASE);
  if (!files.pool.put(fd)) [[unlikely]]
    return false;
  // Only release_pool takes it down again: a call that allocates comes by once for nothing at worst.
  if (!__atomic_load_n(&first_look.pool_is_filled, __ATOMIC_RELAXED) &&
      files.table == first_look.table)
    __atomic_store_n(&first_look.pool_is_filled, 1, __ATOMIC_RELAXED);
  return true;
}

// The next three: precondition: lock held.
// The lowest number >= minimum that is free as the program sees it, with a placeholder under it, and in neither pool nor
// table. EMFILE; error::not_ours when the number does not fit the table.
Result<int32_t> take_number(Files& files, Mount& mount, int32_t minimum);
// Back to the pool, or closed when that is full.
void give_number(Files& files, int32_t fd);
// The kernel has given up `fd`: the next open finds it.
void lower_free(Files& files, int32_t fd);
// Makes `fd` a placeholder whatever it was (dup2). EBADF: beyond the limit.
Result<void> take_this_number(Files& files, Mount& mount, int32_t fd);

// The directory in which the file under `fd` was found when it was opened: a hint, for /proc/self/fd. {0}: unknown.
engine::InodeNumber opened_in(int32_t fd);
void note_opened_in(int32_t fd, engine::InodeNumber directory);

// Really closes all placeholders kept back; before the kernel allocates a number.
void release_pool(Files& files);
// The program closes a number of the kernel's.
void note_kernel_close(Files& files, int32_t fd);

// The hidden O_PATH descriptor of the mount point. Precondition: lock held.
Result<int32_t> mount_root(Files& files, Mount& mount);
// Moves a descriptor of our own out of the program's way and marks its number as not the program's. Lock held.
Result<int32_t> hide_descriptor(Files& files, int32_t fd);

// The program wants this hidden number for itself: what is there moves away. False: it could not. No lock.
bool move_hidden(Files& files, int32_t fd);

}  // namespace bt::posix
