// SPDX-License-Identifier: MIT
// The inode management module: everything that can be done to the files of a volume, for the agent and the daemon alike.
// Nothing here knows of system calls or FUSE. Names are single components, never "", "." or ".." and at most 255 bytes
// (ENAMETOOLONG); callers walk paths. All checks of permission, type and existence are made here as POSIX and Linux have
// them, with the credentials of the context. Each operation is linearizable and atomic under SIGKILL; none blocks except
// for locks of the volume. Every operation may give EIO (volume damaged or frozen), ESTALE (the number's generation is
// gone); every changing one EROFS. One file an operation: engine/op_<name>.cc.
#pragma once

#include "base/bytes.h"
#include "engine/thread.h"

namespace bt::engine {

using base::Text;

// ---- attributes ------------------------------------------------------------------------------------------------------
struct Attributes {
  InodeNumber inode;
  uint64_t number;  // st_ino
  uint32_t mode, uid, gid, nlink;
  uint64_t size, rdev, page_count;  // st_blocks = page_count * 8
  int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
  uint64_t change;
};
// Lock-free, consistent.
Result<void> read_attributes(Context& context, InodeNumber inode, Attributes& attributes);

// What set_attributes is to change; a time of kTimeNow means the present.
inline constexpr int64_t kTimeNow = INT64_MIN;
struct AttributeChange {
  static constexpr uint32_t kMode = 1, kUid = 2, kGid = 4, kSize = 8, kAtime = 16, kMtime = 32;
  uint32_t which = 0;
  uint32_t mode = 0, uid = 0, gid = 0;
  uint64_t size = 0;
  int64_t atime_ns = 0, mtime_ns = 0;
  // Size through a descriptor that was opened for writing: no permission check for kSize.
  bool by_descriptor = false;
};
// chmod, chown (suid and sgid cleared as Linux does), truncate, utimens. EPERM, EACCES, EINVAL, EISDIR, EFBIG, ENOSPC.
Result<void> set_attributes(Context& context, InodeNumber inode, const AttributeChange& change,
                            Attributes& after);

// mask: R_OK|W_OK|X_OK bits (4, 2, 1). EACCES.
Result<void> check_access(Context& context, InodeNumber inode, uint32_t mask);

// ---- names -----------------------------------------------------------------------------------------------------------
struct Found {
  InodeNumber inode;
  uint32_t mode;  // type and permission bits, as the walk needs them next
  uint32_t uid, gid;
};
// Checks search permission on `directory`. ENOENT, ENOTDIR, EACCES. Lock-free.
Result<void> lookup(Context& context, InodeNumber directory, Text name, Found& found);
// The same where the caller has found just now that `directory` is one and may be searched.
Result<void> lookup_searched(Context& context, InodeNumber directory, Text name, Found& found);
// `..`; the root's is the root.
Result<InodeNumber> parent_of(Context& context, InodeNumber directory);

struct NewInode {
  uint32_t mode = 0;   // type and permission bits
  uint32_t umask = 0;  // taken off here unless the directory has a default ACL; 0 if the caller did
  uint64_t rdev = 0;   // device nodes
  Text link_target;    // symbolic links: 1..4095 bytes
};
// mknod, mkdir, symlink, creating open. setgid directories hand their group (and the bit) down. EEXIST, ENOENT (the
// directory was removed), EACCES, ENOSPC, ENAMETOOLONG, EPERM (devices without the right).
Result<void> create(Context& context, InodeNumber directory, Text name, const NewInode& what,
                    Attributes& made);
// O_TMPFILE: an inode with no name; it needs an open description at once, hence open_unnamed in descriptions.h.

// EISDIR for a directory, ENOENT, EACCES, EPERM (sticky), EBUSY.
Result<void> unlink(Context& context, InodeNumber directory, Text name);
// ENOTEMPTY, ENOTDIR, ENOENT …
Result<void> remove_directory(Context& context, InodeNumber directory, Text name);
// EPERM for directories, EMLINK, EEXIST, ENOENT (nlink 0 and no kInodeTmpfile).
Result<void> link(Context& context, InodeNumber inode, InodeNumber directory, Text name,
                  Attributes& after);
inline constexpr uint32_t kRenameNoReplace = 1, kRenameExchange = 2;
// EINVAL (into itself, unknown flags), ENOTEMPTY, EISDIR, ENOTDIR, EEXIST, EPERM (sticky) …
Result<void> rename(Context& context, InodeNumber from, Text from_name, InodeNumber to,
                    Text to_name, uint32_t flags);
// Copies the target, not terminated; returns its whole length in bytes even if size was smaller. EINVAL: not a link.
Result<uint64_t> read_link(Context& context, InodeNumber inode, char* target, uint64_t size);

// ---- listing -----------------------------------------------------------------------------------------------------------
struct ListedName {
  char name[256];  // terminated
  uint32_t name_size;
  uint32_t type;  // DT_…
  InodeNumber inode;
  uint64_t number;  // d_ino
  uint64_t cookie;  // of this entry: pass it to go on after it
};
// The first entry whose cookie is greater than `cookie` (0: from the start; . is 1, .. is 2). `hint` is in and out: where
// the last call stopped, any value is safe. ENOENT at the end. Entries neither made nor removed meanwhile come exactly once.
Result<void> next_entry(Context& context, InodeNumber directory, uint64_t cookie, DentryIndex& hint,
                        ListedName& entry);
// The same for many at once, copied in batches that are each validated: calls take(argument, entry) until it returns false
// or the end. Returns the number taken. ENOENT: the directory was removed.
using TakeEntry = bool (*)(void* argument, const ListedName& entry);
Result<uint64_t> list(Context& context, InodeNumber directory, uint64_t cookie, DentryIndex& hint,
                      TakeEntry take, void* argument);
// relatime on reading; called by read paths that want it. Never fails visibly.
void touch_atime(Context& context, InodeNumber inode);

// ---- extended attributes ----------------------------------------------------------------------------------------------
// Names with their prefix ("user.k"). flags: XATTR_CREATE 1, XATTR_REPLACE 2. ENODATA, EEXIST, ERANGE, E2BIG, EPERM,
// EOPNOTSUPP (unknown prefix), ENOSPC. POSIX ACLs (system.posix_acl_*) are stored, mirrored into the mode's bits, and
// obeyed by check_access.
Result<void> set_xattr(Context& context, InodeNumber inode, Text name, const void* value,
                       uint64_t size, uint32_t flags);
// size 0: only the length. ERANGE when too small.
Result<uint64_t> get_xattr(Context& context, InodeNumber inode, Text name, void* value,
                           uint64_t size);
Result<uint64_t> list_xattrs(Context& context, InodeNumber inode, char* names, uint64_t size);
Result<void> remove_xattr(Context& context, InodeNumber inode, Text name);

// ---- the volume -----------------------------------------------------------------------------------------------------------
struct VolumeStatistics {
  uint64_t blocks, blocks_free, inodes, inodes_free;  // blocks of 4096 bytes
  uint64_t id;
};
void read_statistics(Context& context, VolumeStatistics& statistics);

// The daemon alone: FUSE's lookup counts. An inode with neither names, opens nor lookups is reclaimed.
// ESTALE: it is gone (its name was just removed): the lookup must answer ENOENT.
Result<void> add_kernel_lookup(Context& context, InodeNumber inode);
Result<void> forget_kernel_lookups(Context& context, InodeNumber inode, uint64_t count);
// The kernel has the file open once more, or once less. ESTALE: it lost its last name while nobody had it open, so that an
// origin's bytes may not be here any more.
Result<void> add_kernel_open(Context& context, InodeNumber inode);
Result<void> drop_kernel_open(Context& context, InodeNumber inode);
// From now on until it has the file open no more, the kernel may keep pages of it; stored_into: which programs may store into
// (engine/kernel_pages.h). Until then nothing that was changed in-process is missing from them.
Result<void> note_kernel_pages(Context& context, InodeNumber inode, bool stored_into);

}  // namespace bt::engine
