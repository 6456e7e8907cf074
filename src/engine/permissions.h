// SPDX-License-Identifier: MIT
// Who may do what: the kernel's rules (generic_permission, setattr_prepare, sticky directories), with the credentials of a
// Context. Group membership is asked for last and in one place, for the daemon pays a read of /proc for it.
#pragma once

#include "engine/seq_read.h"

namespace bt::engine {

inline constexpr uint32_t kMayExec = 1, kMayWrite = 2, kMayRead = 4;

constexpr uint32_t kModeType = 0170000, kModeDirectory = 0040000, kModeRegular = 0100000,
                   kModeLink = 0120000, kModeCharacter = 0020000, kModeBlock = 0060000,
                   kModeFifo = 0010000, kModeSocket = 0140000;
constexpr uint32_t kModeSetUid = 04000, kModeSetGid = 02000, kModeSticky = 01000, kModeBits = 07777;

constexpr bool is_directory(uint32_t mode) { return (mode & kModeType) == kModeDirectory; }

// What a check of access needs of an inode.
struct AccessView {
  InodeNumber inode;
  uint32_t mode, uid, gid;
};
inline AccessView access_view(InodeIndex index, const InodeRecord& record) {
  return {InodeNumber::of(index, load_relaxed(record.generation)), load_relaxed(record.mode),
          load_relaxed(record.uid), load_relaxed(record.gid)};
}

// The effective group or one of the supplementary ones.
bool in_group(const Credentials& credentials, uint32_t gid);
inline bool is_owner_or_capable(const Credentials& credentials, uint32_t uid) {
  return credentials.trusted || credentials.uid == uid || credentials.fowner;
}
// May keep the setgid bit of a file of this group.
inline bool in_group_or_capable(const Credentials& credentials, uint32_t gid) {
  return credentials.fsetid || in_group(credentials, gid);
}

// What chown, truncate and changes of data take from the mode of anything but a directory: suid, and sgid where it means "run as
// this group", or where who does it is not of the group.
uint32_t without_privileges(const Credentials& credentials, uint32_t mode, uint32_t gid);
// A change of data, whose inode is locked.
inline void drop_privileges(Transaction& txn, const Credentials& credentials, InodeRecord& inode) {
  uint32_t mode = inode.mode;
  if (!(mode & (kModeSetUid | kModeSetGid)) || credentials.fsetid) [[likely]]
    return;
  uint32_t left = without_privileges(credentials, mode, inode.gid);
  if (left != mode) txn.store(inode.mode, left);
}

// What is left when the mode's owner bits did not decide: groups, ACL, capabilities. `locked`: the caller holds the inode's
// lock and the ACL is read in place.
Result<void> check_permission_slow(Context& context, const AccessView& view, uint32_t mask,
                                   bool locked);

// mask of kMay…. EACCES.
inline Result<void> check_permission(Context& context, const AccessView& view, uint32_t mask,
                                     bool locked) {
  const Credentials& credentials = context.credentials;
  if (credentials.trusted) return {};
  if (credentials.uid == view.uid && (view.mode >> 6 & mask) == mask) [[likely]]
    return {};
  return check_permission_slow(context, view, mask, locked);
}

// EPERM: `directory` is sticky and neither it nor `victim` (its owner) is the caller's.
inline Result<void> check_sticky(const Credentials& credentials, const InodeRecord& directory,
                                 uint32_t victim_uid) {
  if (!(directory.mode & kModeSticky) || credentials.trusted || credentials.fowner) return {};
  if (credentials.uid == victim_uid || credentials.uid == directory.uid) return {};
  return Error(EPERM);
}

}  // namespace bt::engine
