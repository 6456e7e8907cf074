// SPDX-License-Identifier: MIT
#include "engine/permissions.h"

#include "engine/xattr_store.h"

namespace bt::engine {

bool in_group(const Credentials& credentials, uint32_t gid) {
  if (credentials.gid == gid) return true;
  uint32_t count = credentials.group_count;
  const uint32_t* groups = credentials.groups;
  if (credentials.load_groups) groups = credentials.load_groups(credentials, count);
  for (uint32_t i = 0; i < count; i++)
    if (groups[i] == gid) return true;
  return false;
}

namespace {

bool is_allowed_by_capability(const Credentials& credentials, uint32_t mode, uint32_t mask) {
  if (is_directory(mode))
    return credentials.dac_override || (credentials.dac_read_search && !(mask & kMayWrite));
  if (credentials.dac_read_search && mask == kMayRead) return true;
  return credentials.dac_override && (!(mask & kMayExec) || (mode & 0111));
}

// posix_acl_permission: the first entry that names the caller decides; of several groups any may allow.
bool is_allowed_by_acl(const Credentials& credentials, const AccessView& view, Acl& acl,
                       uint32_t mask) {
  const AclEntry* limit = acl.find(kAclMask);
  uint32_t limited = limit ? limit->permissions : 7;
  bool group_matched = false;
  for (uint32_t i = 0; i < acl.count; i++) {
    const AclEntry& entry = acl.entry[i];
    bool grants = (entry.permissions & mask) == mask;
    switch (entry.tag) {
      case kAclUser:
        if (entry.id == credentials.uid) return grants && (limited & mask) == mask;
        break;
      case kAclGroupObj:
      case kAclGroup:
        if (!in_group(credentials, entry.tag == kAclGroup ? entry.id : view.gid)) break;
        group_matched = true;
        if (grants) return (limited & mask) == mask;
        break;
      case kAclOther:
        return grants && !group_matched;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

uint32_t without_privileges(const Credentials& credentials, uint32_t mode, uint32_t gid) {
  if (is_directory(mode)) return mode;
  mode &= ~kModeSetUid;
  if ((mode & kModeSetGid) && ((mode & 010) || !in_group_or_capable(credentials, gid)))
    mode &= ~kModeSetGid;
  return mode;
}

Result<void> check_permission_slow(Context& context, const AccessView& view, uint32_t mask,
                                   bool locked) {
  const Credentials& credentials = context.credentials;
  if (is_allowed_by_capability(credentials, view.mode, mask)) return {};
  if (credentials.uid == view.uid) return Error(EACCES);  // Its bits were looked at already.
  const InodeRecord* record = context.volume().inode(view.inode.index());
  if (record && (load_relaxed(record->flags) & kInodeHasAcl) && (view.mode & 070)) {
    Acl acl;
    auto found = read_acl(context.thread, view.inode, kXattrAclAccess, locked, acl);
    if (found) {
      if (is_allowed_by_acl(credentials, view, acl, mask)) return {};
      return Error(EACCES);
    }
    if (found.error() != Error(ENODATA)) return found.error();
  }
  uint32_t bits = view.mode;
  if ((mask & (view.mode ^ view.mode >> 3)) && in_group(credentials, view.gid)) bits >>= 3;
  if ((bits & mask) == mask) return {};
  return Error(EACCES);
}

}  // namespace bt::engine
