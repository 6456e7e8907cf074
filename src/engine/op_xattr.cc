// SPDX-License-Identifier: MIT
// Extended attributes: whose names there are, who may touch them, and the ACLs among them, which live in the mode as well.
// Lock: the inode. Reading is lock-free.
#include "base/user_copy.h"
#include "engine/inode_lock.h"
#include "engine/inode_times.h"
#include "engine/operations.h"
#include "engine/origin.h"
#include "engine/xattr_store.h"

namespace bt::engine {
namespace {

constexpr uint64_t kValueMax = 65536;
constexpr uint32_t kCreate = 1, kReplace = 2;

enum class Namespace : uint32_t { kUser, kTrusted, kSecurity, kAclAccess, kAclDefault };

bool has_prefix(Text name, const char* prefix) {
  Text wanted = base::text_of(prefix);
  return name.size >= wanted.size && base::equal({name.data, wanted.size}, wanted);
}

Result<Namespace> namespace_of(Text name) {
  if (name.size == 0 || name.size > 255) return Error(ERANGE);
  if (base::equal(name, kXattrAclAccess)) return Namespace::kAclAccess;
  if (base::equal(name, kXattrAclDefault)) return Namespace::kAclDefault;
  struct Known {
    const char* prefix;
    Namespace name_space;
  };
  constexpr Known kKnown[] = {{"user.", Namespace::kUser},
                              {"trusted.", Namespace::kTrusted},
                              {"security.", Namespace::kSecurity}};
  for (const Known& known : kKnown) {
    if (!has_prefix(name, known.prefix)) continue;
    if (name.size == base::text_of(known.prefix).size) return Error(EINVAL);
    return known.name_space;
  }
  return Error(EOPNOTSUPP);
}

bool is_acl(Namespace name_space) {
  return name_space == Namespace::kAclAccess || name_space == Namespace::kAclDefault;
}

// xattr_permission, with the answers that hide what one may not see.
Result<void> check_read(Context& context, const AccessView& view, Namespace name_space,
                        bool locked) {
  uint32_t type = view.mode & kModeType;
  if (is_acl(name_space)) return type == kModeLink ? Error(EOPNOTSUPP) : Result<void>{};
  if (name_space == Namespace::kTrusted && !context.credentials.sys_admin) return Error(ENODATA);
  if (name_space != Namespace::kUser) return {};
  if (type != kModeRegular && type != kModeDirectory) return Error(ENODATA);
  return check_permission(context, view, kMayRead, locked);
}

Result<void> check_write(Context& context, const AccessView& view, Namespace name_space) {
  const Credentials& credentials = context.credentials;
  uint32_t type = view.mode & kModeType;
  if (is_acl(name_space)) {
    if (type == kModeLink) return Error(EOPNOTSUPP);
    return is_owner_or_capable(credentials, view.uid) ? Result<void>{} : Error(EPERM);
  }
  if (name_space != Namespace::kUser) return credentials.sys_admin ? Result<void>{} : Error(EPERM);
  if (type != kModeRegular && type != kModeDirectory) return Error(EPERM);
  bool sticky_directory = type == kModeDirectory && (view.mode & kModeSticky);
  if (sticky_directory && !is_owner_or_capable(credentials, view.uid)) return Error(EPERM);
  return check_permission(context, view, kMayWrite, true);
}

// One attribute that is to be set; removed when `value` is nullptr.
struct Change {
  Text name;
  Namespace name_space = Namespace::kUser;
  const char* value = nullptr;
  uint64_t size = 0;
  uint32_t flags = 0;
};

Result<void> put_value(XattrWriter& writer, const Change& change) {
  const char* from = change.value;
  BT_TRY(writer.put_entry(change.name, static_cast<uint32_t>(change.size)));
  BT_TRY(writer.put(change.size, [&](char* to, uint64_t piece) {
    bool good = base::copy_from_user(to, from, piece);
    from += piece;
    return good;
  }));
  return writer.pad();
}

Result<void> check_presence(const Change& change, bool found) {
  if (found) return change.flags & kCreate ? Error(EEXIST) : Result<void>{};
  if (change.flags & kReplace) return Error(ENODATA);
  // Taking away an ACL that is not there is no error, as on the kernel's file systems.
  return change.value || is_acl(change.name_space) ? Result<void>{} : Error(ENODATA);
}

// Mode and flags follow the ACLs.
void store_acl_effects(Transaction& txn, InodeRecord& record, const Change& change, uint32_t mode) {
  if (!is_acl(change.name_space)) return;
  uint32_t flag = change.name_space == Namespace::kAclAccess ? kInodeHasAcl : kInodeHasDefaultAcl;
  uint32_t flags = change.value ? record.flags | flag : record.flags & ~flag;
  if (flags != record.flags) txn.store(record.flags, flags);
  if (mode != record.mode) txn.store(record.mode, mode);
  if (is_directory(record.mode)) txn.bump_dirtree();
}

// The whole replacement. acl_bits: permission bits that an access ACL brings, or ~0u. ENOSPC: more pages than prepared.
Result<void> change_in(Transaction& txn, Context& context, InodeNumber inode, const Change& change,
                       uint32_t acl_bits, XattrWriter& writer, uint32_t pages) {
  const Volume& volume = context.volume();
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  BT_TRY(writer.adopt(txn));
  AccessView view = access_view(inode.index(), *record);
  BT_TRY(check_write(context, view, change.name_space));
  if (change.name_space == Namespace::kAclDefault && change.value && !is_directory(record->mode))
    return Error(EACCES);
  if (writer.size() + xattr_stream_size(volume, record->xattrs) > pages * kPageSizeBytes)
    return Error(EAGAIN);
  bool found;
  uint32_t count;
  BT_TRY(copy_other_xattrs(volume, *record, change.name, writer, found, count));
  BT_TRY(check_presence(change, found));
  PageIndex old = record->xattrs;
  txn.store(record->xattrs, writer.seal(count + (change.value ? 1 : 0)));
  BT_TRY(give_xattr_pages(txn, context.thread, old));
  uint32_t mode = record->mode;
  if (acl_bits != ~0u) {
    mode = (mode & ~0777u) | acl_bits;
    if (!in_group_or_capable(context.credentials, record->gid)) mode &= ~kModeSetGid;
  }
  store_acl_effects(txn, *record, change, mode);
  // Of what an origin has, it tells the times.
  if (context.thread.origin_at_work && record->nlink != 0) [[unlikely]]
    txn.store(record->change, record->change + 1);
  else
    mark_changed(txn, *record, clock_now_ns(context.thread));
  return {};
}

Result<void> change_xattr(Context& context, InodeNumber inode, const Change& change,
                          uint32_t acl_bits) {
  if (context.volume().is_read_only()) return Error(EROFS);
  for (;;) {
    uint64_t size = sizeof(XattrHeader) + xattr_entry_size(change.name.size, change.size);
    BT_TRY(read_inode(context.thread, inode, [&](const InodeRecord& record) {
      size = sizeof(XattrHeader) + xattr_entry_size(change.name.size, change.size) +
             xattr_stream_size(context.volume(), load_relaxed(record.xattrs));
    }));
    Needs needs;
    needs.pages = xattr_pages_for(size);
    if (needs.pages > kXattrPagesMax) return Error(ENOSPC);
    BT_TRY(prepare(context.thread, needs));
    XattrWriter writer(context.thread, inode.index(), needs.pages);
    if (change.value) BT_TRY(put_value(writer, change));
    Transaction txn(context.thread);
    auto done = change_in(txn, context, inode, change, acl_bits, writer, needs.pages);
    if (done) {
      txn.commit();
      settle(context.thread);
      return {};
    }
    txn.roll_back();
    // EAGAIN: others have added attributes since they were measured.
    if (done.error() != Error(EAGAIN)) return done.error();
  }
}

// An access ACL becomes the mode, and an attribute only where it says more. The bytes are copied once, so that what is
// checked is what is stored.
Result<void> set_acl(Context& context, InodeNumber inode, Change change) {
  char bytes[4 + kAclEntriesMax * sizeof(AclEntry)];
  Acl acl;
  if (change.size > sizeof bytes) return Error(E2BIG);
  if (!base::copy_from_user(bytes, change.value, change.size)) return Error(EFAULT);
  change.value = bytes;
  BT_TRY(parse_acl(bytes, change.size, acl));
  uint32_t bits = ~0u;
  if (acl.count == 0) {
    change.value = nullptr;
  } else if (change.name_space == Namespace::kAclAccess && acl_mode(acl, bits)) {
    change.value = nullptr;
  }
  if (!change.value) change.size = 0;
  return change_xattr(context, inode, change, bits);
}

}  // namespace

Result<void> set_xattr(Context& context, InodeNumber inode, Text name, const void* value,
                       uint64_t size, uint32_t flags) {
  if (flags & ~(kCreate | kReplace)) return Error(EINVAL);
  BT_TRY_ASSIGN(Namespace name_space, namespace_of(name));
  if (size > kValueMax) return Error(E2BIG);
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->set_xattr(context, inode, name, value ? value : "", size, flags);
  Change change{name, name_space, static_cast<const char*>(value), size, flags};
  if (is_acl(name_space)) return set_acl(context, inode, change);
  if (!change.value) change.value = "";  // An empty value is a value.
  return change_xattr(context, inode, change, ~0u);
}

Result<void> remove_xattr(Context& context, InodeNumber inode, Text name) {
  BT_TRY_ASSIGN(Namespace name_space, namespace_of(name));
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->set_xattr(context, inode, name, nullptr, 0, 0);
  return change_xattr(context, inode, Change{name, name_space}, ~0u);
}

Result<uint64_t> get_xattr(Context& context, InodeNumber inode, Text name, void* value,
                           uint64_t size) {
  Volume& volume = context.volume();
  BT_TRY_ASSIGN(Namespace name_space, namespace_of(name));
  BT_TRY(require_xattrs(context, inode));
  AccessView view{};
  BT_TRY(read_inode(context.thread, inode,
                    [&](const InodeRecord& record) { view = access_view(inode.index(), record); }));
  BT_TRY(check_read(context, view, name_space, false));
  XattrLook look = XattrLook::kAbsent;
  uint32_t length = 0;
  bool faulted = false;
  BT_TRY(read_inode(context.thread, inode, [&](const InodeRecord& record) {
    XattrReader reader(volume, PageIndex::kNone);
    look = find_xattr(volume, load_relaxed(record.xattrs), name, reader, length);
    if (look != XattrLook::kFound || length > size) return;
    char* to = static_cast<char*>(value);
    bool sound = reader.visit(length, [&](const char* bytes, uint64_t piece) {
      faulted = faulted || !base::copy_to_user(to, bytes, piece);
      to += piece;
    });
    if (!sound) look = XattrLook::kNonsense;
  }));
  if (look == XattrLook::kNonsense) [[unlikely]]
    return BT_DAMAGED(volume);
  if (look == XattrLook::kAbsent) return Error(ENODATA);
  if (size != 0 && length > size) return Error(ERANGE);
  if (faulted) return Error(EFAULT);
  return uint64_t{length};
}

Result<uint64_t> list_xattrs(Context& context, InodeNumber inode, char* names, uint64_t size) {
  Volume& volume = context.volume();
  BT_TRY(require_xattrs(context, inode));
  bool sees_trusted = context.credentials.sys_admin;
  XattrLook look = XattrLook::kFound;
  uint64_t length = 0;
  bool faulted = false;
  BT_TRY(read_inode(context.thread, inode, [&](const InodeRecord& record) {
    length = 0;
    look = for_each_xattr(volume, load_relaxed(record.xattrs), [&](Text name, uint32_t) {
      if (!sees_trusted && has_prefix(name, "trusted.")) return;
      if (length + name.size + 1 <= size) {
        char zero = 0;
        faulted = faulted || !base::copy_to_user(names + length, name.data, name.size) ||
                  !base::copy_to_user(names + length + name.size, &zero, 1);
      }
      length += name.size + 1;
    });
  }));
  if (look == XattrLook::kNonsense) [[unlikely]]
    return BT_DAMAGED(volume);
  if (size != 0 && length > size) return Error(ERANGE);
  if (faulted) return Error(EFAULT);
  return length;
}

}  // namespace bt::engine
