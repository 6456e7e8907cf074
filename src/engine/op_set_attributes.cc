// SPDX-License-Identifier: MIT
// chmod, chown, truncate and utimens: setattr_prepare's and notify_change's rules. Lock: the inode.
#include "engine/clock.h"
#include "engine/file_pages.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/kernel_pages.h"
#include "engine/make_entry.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/read_attributes.h"
#include "engine/xattr_store.h"

namespace bt::engine {
namespace {

using Change = AttributeChange;

bool sets_time(const Change& change) { return change.which & (Change::kAtime | Change::kMtime); }
// utimes(path, NULL): allowed to who may write. Anything else about times is the owner's.
bool is_touch(const Change& change) {
  return (change.which & Change::kAtime) && (change.which & Change::kMtime) &&
         change.atime_ns == kTimeNow && change.mtime_ns == kTimeNow;
}

Result<void> check_size(Context& context, const AccessView& view, const Change& change) {
  if (is_directory(view.mode)) return Error(EISDIR);
  if ((view.mode & kModeType) != kModeRegular) return Error(EINVAL);
  if (!change.by_descriptor) BT_TRY(check_permission(context, view, kMayWrite, true));
  if (change.size > kFileSizeMax) return Error(EFBIG);
  return {};
}

Result<void> check_owner(const Credentials& credentials, const AccessView& view,
                         const Change& change) {
  if (credentials.trusted || credentials.chown) return {};
  bool owner = credentials.uid == view.uid;
  if ((change.which & Change::kUid) && !(owner && change.uid == view.uid)) return Error(EPERM);
  if (!(change.which & Change::kGid)) return {};
  if (owner && (change.gid == view.gid || in_group(credentials, change.gid))) return {};
  return Error(EPERM);
}

Result<void> check_change(Context& context, const AccessView& view, const Change& change) {
  const Credentials& credentials = context.credentials;
  BT_TRY(check_owner(credentials, view, change));
  bool owner = is_owner_or_capable(credentials, view.uid);
  if ((change.which & Change::kMode) && !owner) return Error(EPERM);
  if (sets_time(change) && !owner) {
    if (!is_touch(change)) return Error(EPERM);
    BT_TRY(check_permission(context, view, kMayWrite, true));
  }
  if (change.which & Change::kSize) BT_TRY(check_size(context, view, change));
  return {};
}

uint32_t new_mode(const Credentials& credentials, const InodeRecord& record, const Change& change) {
  uint32_t mode = record.mode;
  uint32_t gid = change.which & Change::kGid ? change.gid : record.gid;
  bool chowns = change.which & (Change::kUid | Change::kGid);
  bool truncates = (change.which & Change::kSize) && !credentials.fsetid;
  if (chowns || (truncates && (mode & (kModeSetUid | kModeSetGid))))
    mode = without_privileges(credentials, mode, record.gid);
  if (!(change.which & Change::kMode)) return mode;
  mode = (mode & kModeType) | (change.mode & kModeBits);
  if ((mode & kModeSetGid) && !credentials.trusted && !in_group_or_capable(credentials, gid))
    mode &= ~kModeSetGid;
  return mode;
}

// chmod of a file with an ACL: its owner, mask and other entries follow. The pages were taken by the caller's prepare.
Result<void> chmod_acl(Transaction& txn, Context& context, InodeNumber inode, InodeRecord& record,
                       uint32_t mode, uint32_t pages) {
  Acl acl;
  char bytes[4 + kAclEntriesMax * sizeof(AclEntry)];
  BT_TRY(read_acl(context.thread, inode, kXattrAclAccess, true, acl));
  apply_mode(acl, mode & 0777);
  write_acl(acl, bytes);
  XattrWriter writer(context.thread, inode.index(), pages);
  BT_TRY(writer.adopt(txn));
  BT_TRY(writer.put_entry(kXattrAclAccess, acl.size_bytes()));
  BT_TRY(writer.put_bytes(bytes, acl.size_bytes()));
  BT_TRY(writer.pad());
  bool found;
  uint32_t count;
  BT_TRY(copy_other_xattrs(context.volume(), record, kXattrAclAccess, writer, found, count));
  BT_TRY(give_xattr_pages(txn, context.thread, record.xattrs));
  txn.store(record.xattrs, writer.seal(count + 1));
  return {};
}

Result<void> apply_change(Transaction& txn, Context& context, InodeNumber inode,
                          InodeRecord& record, const Change& change, uint32_t pages) {
  int64_t now = clock_now_ns(context.thread);
  uint32_t mode = new_mode(context.credentials, record, change);
  bool new_rights = mode != record.mode || (change.which & (Change::kUid | Change::kGid));
  if (new_rights && is_directory(record.mode)) txn.bump_dirtree();
  if (mode != record.mode) txn.store(record.mode, mode);
  if ((change.which & Change::kMode) && (record.flags & kInodeHasAcl))
    BT_TRY(chmod_acl(txn, context, inode, record, mode, pages));
  if (change.which & Change::kUid) txn.store(record.uid, change.uid);
  if (change.which & Change::kGid) txn.store(record.gid, change.gid);
  if (change.which & Change::kSize) {
    set_size(txn, context.thread, record, change.size);
    mark_modified(txn, record, now);
  } else {
    mark_changed(txn, record, now);
  }
  if (change.which & Change::kMtime)
    txn.store(record.mtime_ns, change.mtime_ns == kTimeNow ? now : change.mtime_ns);
  if (change.which & Change::kAtime)
    __atomic_store_n(&record.atime_ns, change.atime_ns == kTimeNow ? now : change.atime_ns,
                     __ATOMIC_RELAXED);
  return {};
}

// Room for the ACL's new copy: read without the lock, so the caller tries again when it has grown meanwhile (ENOSPC).
Result<void> prepare_change(Context& context, InodeNumber inode, const Change& change,
                            uint32_t& pages) {
  BT_TRY_ASSIGN(InodeRecord * record, inode_record(context.volume(), inode));
  pages = 0;
  if ((change.which & Change::kSize) && change.size > load_relaxed(record->size))
    BT_TRY(finish_shrinking(context, inode));
  if (!(change.which & Change::kMode) || !(load_relaxed(record->flags) & kInodeHasAcl)) return {};
  Needs needs;
  BT_TRY(read_inode(context.thread, inode, [&](const InodeRecord& seen) {
    needs.pages = pages =
        xattr_pages_for(xattr_stream_size(context.volume(), load_relaxed(seen.xattrs)));
  }));
  return prepare(context.thread, needs);
}

}  // namespace

Result<void> set_attributes(Context& context, InodeNumber inode, const AttributeChange& change,
                            Attributes& after) {
  if (change.which == 0) return read_attributes(context, inode, after);
  if (context.volume().is_read_only()) return Error(EROFS);
  if (const OriginTable* origin = origin_of(context)) [[unlikely]] {
    if ((change.which & Change::kSize) && is_left_to_kernel(context, inode, kInodeKernelPages))
      return error::kernel_has_pages;
    return origin->set_attributes(context, inode, change, after);
  }
  for (;;) {
    uint32_t pages = 0;
    BT_TRY(prepare_change(context, inode, change, pages));
    Transaction txn(context.thread);
    BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
    BT_TRY(check_change(context, access_view(inode.index(), *record), change));
    if ((change.which & Change::kSize) &&
        is_left_to_kernel(context.thread, *record, kInodeKernelPages))
      return error::kernel_has_pages;
    bool grows = (change.which & Change::kSize) && change.size > record->size;
    bool has_acl = (change.which & Change::kMode) && (record->flags & kInodeHasAcl);
    bool unprepared =
        (grows && (record->flags & kInodeShrinking)) ||
        (has_acl && xattr_pages_for(xattr_stream_size(context.volume(), record->xattrs)) > pages);
    if (unprepared) continue;  // It changed since we looked: the destructor rolls back.
    BT_TRY(apply_change(txn, context, inode, *record, change, pages));
    bool left_over = record->flags & kInodeShrinking;
    copy_attributes(*record, inode, after);
    txn.commit();
    if (left_over) BT_TRY(finish_shrinking(context, inode));
    settle(context.thread);
    return {};
  }
}

}  // namespace bt::engine
