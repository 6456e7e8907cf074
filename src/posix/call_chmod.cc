// SPDX-License-Identifier: MIT
// chmod, fchmod, fchmodat, chown, lchown, fchown, fchownat.
#include <fcntl.h>
#include <sys/stat.h>

#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

using engine::AttributeChange;

// chown that names nobody still takes suid and sgid bits off, whoever calls it: as a change to the same owner.
Result<void> apply(engine::Context& context, engine::InodeNumber inode,
                   const AttributeChange& change) {
  engine::Attributes after;
  if (change.which) return engine::set_attributes(context, inode, change, after);
  BT_TRY(engine::read_attributes(context, inode, after));
  if (!S_ISREG(after.mode) || !(after.mode & (S_ISUID | S_ISGID))) return {};
  AttributeChange same = change;
  same.which = AttributeChange::kUid;
  same.uid = after.uid;
  return engine::set_attributes(context, inode, same, after);
}

Result<void> change_path(int32_t directory, const char* path, uint32_t flags,
                         const AttributeChange& change) {
  Walk walk;
  BT_TRY(walk_at(directory, path, flags, walk));
  engine::Context context = walk.context();
  // No file system of Linux changes a link's own bits.
  if ((change.which & AttributeChange::kMode) && S_ISLNK(walk.found.mode)) return Error(EOPNOTSUPP);
  return apply(context, walk.found.inode, change);
}

Result<void> change_descriptor(uint64_t fd, const AttributeChange& change) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  engine::Context context = file.context();
  return apply(context, file.inode, change);
}

AttributeChange mode_change(uint64_t mode) {
  AttributeChange change;
  change.which = AttributeChange::kMode;
  change.mode = uint_of(mode) & 07777;
  return change;
}

// −1 leaves an id as it is; chown(−1, −1) still clears suid bits.
AttributeChange owner_change(uint64_t uid, uint64_t gid) {
  AttributeChange change;
  if (uint_of(uid) != ~0u) {
    change.which |= AttributeChange::kUid;
    change.uid = uint_of(uid);
  }
  if (uint_of(gid) != ~0u) {
    change.which |= AttributeChange::kGid;
    change.gid = uint_of(gid);
  }
  return change;
}

}  // namespace

BT_SERVE(chmod) {
  return answer(change_path(AT_FDCWD, pointer_of(a), kWalkFollow, mode_change(b)));
}
BT_SERVE_DESCRIPTOR(fchmod) { return answer(change_descriptor(a, mode_change(b))); }
BT_SERVE(fchmodat) {
  return answer(change_path(int_of(a), pointer_of(b), kWalkFollow, mode_change(c)));
}

BT_SERVE(chown) {
  return answer(change_path(AT_FDCWD, pointer_of(a), kWalkFollow, owner_change(b, c)));
}
BT_SERVE(lchown) { return answer(change_path(AT_FDCWD, pointer_of(a), 0, owner_change(b, c))); }
BT_SERVE_DESCRIPTOR(fchown) { return answer(change_descriptor(a, owner_change(b, c))); }
BT_SERVE(fchownat) {
  uint32_t flags = uint_of(e);
  if (flags & ~static_cast<uint32_t>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
  return answer(change_path(int_of(a), pointer_of(b), walk_flags_of(flags), owner_change(c, d)));
}

}  // namespace bt::posix
