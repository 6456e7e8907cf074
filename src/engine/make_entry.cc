// SPDX-License-Identifier: MIT
#include "engine/make_entry.h"

#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/xattr_store.h"

namespace bt::engine {
namespace {

constexpr uint32_t kLinkTargetMax = 4095;

// The default ACL a directory hands down, if it has one.
struct Inheritance {
  bool has_acl = false;
  Acl acl;
};

Result<void> read_inheritance(Context& context, InodeNumber directory, const InodeRecord& record,
                              uint32_t mode, Inheritance& inheritance) {
  if (!(record.flags & kInodeHasDefaultAcl) || (mode & kModeType) == kModeLink) return {};
  auto found = read_acl(context.thread, directory, kXattrAclDefault, true, inheritance.acl);
  if (found) {
    inheritance.has_acl = true;
    return {};
  }
  return found.error() == Error(ENODATA) ? Result<void>{} : found.error();
}

// Stores the inherited ACLs as attributes of the new inode and cuts its mode down to them.
Result<void> write_inheritance(Transaction& txn, Thread& thread, InodeRecord& record,
                               InodeIndex index, Inheritance& inheritance, uint32_t& mode) {
  char bytes[4 + kAclEntriesMax * sizeof(AclEntry)];
  XattrWriter writer(thread, index, 1);
  BT_TRY(writer.adopt(txn));
  uint32_t count = 0;
  auto put = [&](Text name) -> Result<void> {
    write_acl(inheritance.acl, bytes);
    BT_TRY(writer.put_entry(name, inheritance.acl.size_bytes()));
    BT_TRY(writer.put_bytes(bytes, inheritance.acl.size_bytes()));
    count++;
    return writer.pad();
  };
  if (is_directory(mode)) {
    BT_TRY(put(kXattrAclDefault));
    record.flags |= kInodeHasDefaultAcl;
  }
  if (!inherit_acl(inheritance.acl, mode)) {
    BT_TRY(put(kXattrAclAccess));
    record.flags |= kInodeHasAcl;
  }
  record.xattrs = writer.seal(count);
  return {};
}

// inode_init_owner and mode_strip_sgid: what a setgid directory hands down.
void inherit_group(const Credentials& credentials, const InodeRecord& directory, uint32_t& mode,
                   uint32_t& gid) {
  gid = credentials.gid;
  if (!(directory.mode & kModeSetGid)) return;
  gid = directory.gid;
  if (is_directory(mode)) {
    mode |= kModeSetGid;
  } else if ((mode & (kModeSetGid | 010)) == (kModeSetGid | 010) &&
             !in_group_or_capable(credentials, directory.gid)) {
    mode &= ~kModeSetGid;
  }
}

Result<void> write_link_target(Transaction& txn, Thread& thread, InodeRecord& record,
                               InodeIndex index, Text target) {
  if (target.size <= kInodeInlineBytes) {
    __builtin_memcpy(record.link_target, target.data, target.size);
  } else {
    PageIndex page = take_page(txn, thread, index, 0, kPageData);
    char* bytes = thread.volume->page(page);
    if (!bytes) [[unlikely]]
      return BT_DAMAGED(*thread.volume);
    __builtin_memcpy(bytes, target.data, target.size);
    __builtin_memset(bytes + target.size, 0, kPageSizeBytes - target.size);
    record.root = page;
    record.page_count = 1;
  }
  record.size = target.size;
  return {};
}

// What an origin keeps of an inode: nothing is known yet.
void clear_cached_part(InodeRecord& record, uint64_t origin_number) {
  record.cached = CachedPart{};
  record.origin = origin_number;
  record.valid_epoch = 0;
  record.name = DentryIndex::kNone;
}

Result<void> make_inode(Transaction& txn, Context& context, InodeNumber parent,
                        InodeRecord& directory, const NewInode& what, int64_t now,
                        MadeInode& made) {
  Thread& thread = context.thread;
  uint32_t mode = what.mode, gid;
  Inheritance inheritance;
  BT_TRY(read_inheritance(context, parent, directory, mode, inheritance));
  if (!inheritance.has_acl) mode &= ~what.umask;
  inherit_group(context.credentials, directory, mode, gid);
  InodeIndex index = take_inode(txn, thread);
  InodeRecord* record = context.volume().inode(index);
  if (!record) [[unlikely]]
    return BT_DAMAGED(context.volume());
  clear_record(*record, context.credentials.uid, gid, now);
  if (context.volume().origin()) clear_cached_part(*record, thread.origin_number);
  uint32_t type = mode & kModeType;
  if (type == kModeDirectory) {
    record->nlink = 2;
    record->directory = DirectoryPart{};
    record->directory.next_cookie = 3;
    record->directory.parent = parent;
  } else {
    record->nlink = 1;
    if (type == kModeCharacter || type == kModeBlock) record->rdev = what.rdev;
    if (type == kModeLink) BT_TRY(write_link_target(txn, thread, *record, index, what.link_target));
  }
  if (inheritance.has_acl)
    BT_TRY(write_inheritance(txn, thread, *record, index, inheritance, mode));
  txn.store(record->mode, mode);
  made = {record, InodeNumber::of(index, record->generation)};
  return {};
}

Result<void> check_new(const Credentials& credentials, Text name, const NewInode& what) {
  if (name.size > kNameMax) return Error(ENAMETOOLONG);
  uint32_t type = what.mode & kModeType;
  if (type == kModeLink && what.link_target.size > kLinkTargetMax) return Error(ENAMETOOLONG);
  if (type == kModeLink && what.link_target.size == 0) return Error(ENOENT);
  // A whiteout, the character device 0:0, is everybody's.
  bool device = type == kModeBlock || (type == kModeCharacter && what.rdev != 0);
  if (device && !credentials.mknod) return Error(EPERM);
  return {};
}

}  // namespace

void clear_record(InodeRecord& record, uint32_t uid, uint32_t gid, int64_t now) {
  record.uid = uid;
  record.gid = gid;
  record.opens = 0;
  record.rdev = 0;
  record.size = 0;
  record.atime_ns = record.mtime_ns = record.ctime_ns = record.btime_ns = now;
  record.change = 1;
  record.page_count = 0;
  record.root = PageIndex::kNone;
  record.height = 0;
  record.xattrs = PageIndex::kNone;
  record.file_locks = FileLockIndex::kNone;
  record.flags = 0;
  record.source_nlink = 0;
  record.origin = 0;
}

Needs needs_of_entry(Context& context, InodeNumber directory, Text name, const NewInode& what) {
  Needs needs;
  needs.inodes = 1;
  needs.dentries = dentries_for(base::min(name.size, kNameMax));
  needs.pages = what.link_target.size > kInodeInlineBytes ? 1 : 0;
  const InodeRecord* record = context.volume().inode(directory.index());
  if (record && (load_relaxed(record->flags) & kInodeHasDefaultAcl)) needs.pages++;
  return needs;
}

Result<void> make_entry(Transaction& txn, Context& context, InodeNumber directory, Text name,
                        const NewInode& what, MadeInode& made) {
  Volume& volume = context.volume();
  BT_TRY(check_new(context.credentials, name, what));
  uint32_t hash = hash_name(directory.index(), name);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  AccessView view = access_view(directory.index(), *record);
  BT_TRY(check_permission(context, view, kMayExec, true));
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  EntryPlace place;
  BT_TRY(find_place(volume, directory.index(), name, hash, place));
  if (place.dentry) return Error(EEXIST);
  if (volume.is_read_only()) return Error(EROFS);
  if (is_removed(*record)) return Error(ENOENT);
  BT_TRY(check_permission(context, view, kMayWrite | kMayExec, true));
  bool makes_directory = is_directory(what.mode);
  if (makes_directory && record->nlink >= kLinkMax) return Error(EMLINK);
  int64_t now = clock_now_ns(context.thread);
  BT_TRY(make_inode(txn, context, directory, *record, what, now, made));
  BT_TRY(insert_entry(txn, context.thread, *record, directory.index(), name, hash, made.number,
                      entry_type(what.mode)));
  if (makes_directory) txn.store(record->nlink, record->nlink + 1);
  mark_modified(txn, *record, now);
  return {};
}

Result<void> make_unnamed(Transaction& txn, Context& context, InodeNumber directory,
                          const NewInode& what, bool linkable, MadeInode& made) {
  if (context.volume().is_read_only()) return Error(EROFS);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  AccessView view = access_view(directory.index(), *record);
  BT_TRY(check_permission(context, view, kMayWrite | kMayExec, true));
  if (is_removed(*record)) return Error(ENOENT);
  int64_t now = clock_now_ns(context.thread);
  BT_TRY(make_inode(txn, context, directory, *record, what, now, made));
  made.record->nlink = 0;
  if (linkable) made.record->flags |= kInodeTmpfile;
  return {};
}

}  // namespace bt::engine
