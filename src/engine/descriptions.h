// SPDX-License-Identifier: MIT
// Open file descriptions and the sessions' descriptor tables: what dup, fork and exec share, and what the daemon drops
// for a process that was killed. One transaction each. A descriptor is a number >= 0 of the calling process below
// kDescriptorPagesMax * 1024 (EMFILE above: the kernel path serves).
#pragma once

#include "engine/operations.h"

namespace bt::engine {

// O_PATH descriptions can be of anything and need no rights; ELOOP for a symbolic link without it.
// Opens `inode` with O_… flags (access mode and status flags; creation flags are the caller's business) and enters it at
// `fd` of `session` (fd < 0: no entry, the reference is the caller's: FUSE handles). Checks access rights for the access
// mode unless `created` says that this very call made the file. O_TRUNC truncates in the same transaction. EACCES, EISDIR,
// ENXIO (FIFO, device, socket: the kernel path must open those), ENFILE, EMFILE. ETXTBSY is the business of callers (posix/executing.h).
Result<DescriptionIndex> open_description(Context& context, SessionIndex session, int32_t fd,
                                          InodeNumber inode, uint32_t flags, bool close_on_exec,
                                          bool created);
// open(O_CREAT): create and open as one transaction; an existing name opens it (EEXIST with O_EXCL; ELOOP for a symbolic
// link, which is the caller's to follow). `made` tells which. umask: as NewInode's.
struct Opened {
  DescriptionIndex description;
  InodeNumber inode;
  uint32_t mode;
  bool made;
};
Result<void> create_and_open(Context& context, InodeNumber directory, Text name, uint32_t mode,
                             uint32_t umask, SessionIndex session, int32_t fd, uint32_t flags,
                             bool close_on_exec, Opened& opened);
// O_TMPFILE in `directory`. linkable: without O_EXCL.
Result<DescriptionIndex> open_unnamed(Context& context, InodeNumber directory, uint32_t mode,
                                      uint32_t umask, SessionIndex session, int32_t fd,
                                      uint32_t flags, bool close_on_exec);

// Drops the entry; the description, file locks and the unlinked inode go with their last user. POSIX locks of the session
// on that inode are released, as close does. EBADF.
Result<void> close_descriptor(Context& context, SessionIndex session, int32_t fd);
// dup: `to` is dropped first if it is ours. EBADF, EMFILE.
Result<void> copy_descriptor(Context& context, SessionIndex session, int32_t from, int32_t to,
                             bool close_on_exec);
Result<void> set_close_on_exec(Context& context, SessionIndex session, int32_t fd,
                               bool close_on_exec);
// kNone: not ours. `close_on_exec` is out. Lock-free.
DescriptionIndex find_descriptor(const Volume& volume, SessionIndex session, int32_t fd,
                                 bool& close_on_exec);
// The first entry at or above `from`; −1: none. Lock-free; for the new image of exec and the child of fork.
int32_t next_descriptor(const Volume& volume, SessionIndex session, int32_t from);
// References without an entry (FUSE handles, descriptors in flight).
Result<void> add_reference(Context& context, DescriptionIndex description);
Result<void> drop_reference(Context& context, DescriptionIndex description);

// A copy of the session (descriptor table, cwd; not POSIX locks) for a child about to be made; state kSessionForking.
// Parent or child say with adopt_session whose it is; the parent drops it with close_session if the call failed.
struct SessionClone {
  SessionIndex index = SessionIndex::kNone;
  uint32_t generation =
      0;  // a child that has ended already has closed it, and another may have the record
};
Result<SessionClone> clone_session(Context& context, SessionIndex session);
// EINVAL: it is somebody's, or gone.
Result<void> adopt_session(Context& context, SessionClone clone, uint32_t pid, uint64_t start_time);
// exec: says that the process will claim the session when it has become another image; 0: execve failed. No slot is needed,
// so that a fork child which does nothing but exec never has one.
void name_heir(const Volume& volume, SessionIndex session, uint32_t pid);
// The new image's: attaches the calling thread (thread.volume is set), makes the session the process's own, and drops what
// is close-on-exec. ESTALE: it is not this process's to claim; the thread is not attached then.
Result<void> claim_session(Thread& thread, SessionIndex session, uint32_t pid, uint64_t start_time);
// The session's working directory: holds one of its opens. 0: outside. ENOTDIR, ESTALE.
Result<void> set_working_directory(Context& context, SessionIndex session, InodeNumber directory);

// The shared offset. Reads and writes through it are atomic against each other: with_offset takes the description's lock,
// hands the offset to `use`, which returns the new one. Append writers need no such thing.
class OffsetLock {
 public:
  // EIO, EAGAIN (a signal handler met its own thread).
  static Result<void> acquire(Context& context, DescriptionIndex description, OffsetLock& lock);
  ~OffsetLock();
  uint64_t offset() const;
  void set_offset(uint64_t offset);
  OffsetLock() = default;
  OffsetLock(const OffsetLock&) = delete;
  OffsetLock& operator=(const OffsetLock&) = delete;

 private:
  Thread* thread_ = nullptr;
  DescriptionRecord* description_ = nullptr;
};

// ---- advisory locks -------------------------------------------------------------------------------------------------------
struct LockOwner {
  FileLockKind kind;
  uint64_t
      value;  // POSIX: lock_owner_of(session); OFD and flock: the description's index; FUSE: its lock_owner
  uint32_t pid;
};
struct LockRange {
  uint64_t start = 0, end = UINT64_MAX;  // inclusive
  bool exclusive = false;
};
uint64_t lock_owner_of(const Volume& volume, SessionIndex session);
// EAGAIN: held by others. ENOLCK: no room, or more than kFileLocksAtOnce locks of the owner would be replaced. A blocking
// call:  do { seen = file_lock_changes(…); result = set_file_lock(…); } while (EAGAIN and wait_file_lock(…, seen, …)).
Result<void> set_file_lock(Context& context, InodeNumber inode, const LockOwner& owner,
                           const LockRange& range);
Result<void> clear_file_lock(Context& context, InodeNumber inode, const LockOwner& owner,
                             const LockRange& range);
// The first lock in the way; ENOENT if none.
Result<void> test_file_lock(Context& context, InodeNumber inode, const LockOwner& owner,
                            const LockRange& range, LockOwner& holder, LockRange& held);
uint32_t file_lock_changes(Context& context, InodeNumber inode);
// Sleeps until the inode's locks have changed since `seen`, or timeout_ms, or 100 ms (a holder may have been killed before
// it could wake us); EINTR on a signal. EDEADLK: POSIX locks only, when `owner` would wait for one that waits for it.
Result<void> wait_file_lock(Context& context, InodeNumber inode, const LockOwner& owner,
                            const LockRange& range, uint32_t seen, uint32_t timeout_ms);

}  // namespace bt::engine
