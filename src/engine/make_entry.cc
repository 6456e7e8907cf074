// SPDX-License-Identifier: MIT
#include "engine/make_entry.h"

#include "base/user_copy.h"
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/origin_index.h"
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
    store_unseen(record.flags, record.flags | kInodeHasDefaultAcl);
  }
  if (!inherit_acl(inheritance.acl, mode)) {
    BT_TRY(put(kXattrAclAccess));
    store_unseen(record.flags, record.flags | kInodeHasAcl);
  }
  store_unseen(record.xattrs, writer.seal(count));
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
    copy_unseen(record.link_target, target.data, target.size);
  } else {
    PageIndex page = take_page(txn, thread, index, 0, kPageData);
    char* bytes = thread.volume->page(page);
    if (!bytes) [[unlikely]]
      return BT_DAMAGED(*thread.volume);
    copy_unseen(bytes, target.data, target.size);
    base::zero_user(bytes + target.size, kPageSizeBytes - target.size);
    store_unseen(record.root, page);
    store_unseen(record.page_count, 1);
  }
  store_unseen(record.size, target.size);
  return {};
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
  uint32_t type = mode & kModeType;
  if (context.volume().origin()) {
    clear_cached_part(*record, thread.origin_number);
    if (thread.origin_number && type != kModeDirectory)
      BT_TRY(enter_origin_index(txn, context.volume(), *record, index));
  }
  if (type == kModeDirectory) {
    store_unseen(record->nlink, 2);
    make_directory_part(*record, parent);
  } else {
    store_unseen(record->nlink, 1);
    if (type == kModeCharacter || type == kModeBlock) store_unseen(record->rdev, what.rdev);
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

// Two halves of a word, at once.
template <typename First, typename Second>
void clear_two(First& first, Second& second) {
  static_assert(sizeof(first) == 4 && sizeof(second) == 4);
  BT_DEBUG_ASSERT(static_cast<void*>(&second) == &first + 1);
  store_unseen(reinterpret_cast<uint64_t&>(first), 0);
}

}  // namespace

void clear_record(InodeRecord& record, uint32_t uid, uint32_t gid, int64_t now) {
  store_unseen(record.uid, uid);
  store_unseen(record.gid, gid);
  store_unseen(record.opens, 0);
  store_unseen(record.rdev, 0);
  store_unseen(record.size, 0);
  store_unseen(record.atime_ns, now);
  store_unseen(record.mtime_ns, now);
  store_unseen(record.ctime_ns, now);
  store_unseen(record.btime_ns, now);
  store_unseen(record.change, 1);
  store_unseen(record.page_count, 0);
  clear_two(record.root, record.height);
  clear_two(record.xattrs, record.flags);
  clear_two(record.file_locks, record.source_nlink);
  store_unseen(record.origin, 0);
  store_unseen(record.cached.kernel_opens, 0);
}

void clear_cached_part(InodeRecord& record, uint64_t origin_number) {
  CachedPart nothing = {};
  copy_unseen(&record.cached, &nothing, sizeof nothing);
  store_unseen(record.origin, origin_number);
  store_unseen(record.valid_epoch, 0);
  store_unseen(record.name, DentryIndex::kNone);
}

void make_directory_part(InodeRecord& record, InodeNumber parent) {
  DirectoryPart empty = {};
  empty.next_cookie = 3;
  empty.parent = parent;
  copy_unseen(&record.directory, &empty, sizeof empty);
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
  store_unseen(made.record->nlink, 0);
  if (linkable) store_unseen(made.record->flags, made.record->flags | kInodeTmpfile);
  return {};
}

}  // namespace bt::engine
