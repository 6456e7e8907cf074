// SPDX-License-Identifier: MIT
// SETATTR: chmod, chown, truncate and utimens in one request; also what the kernel wants with it (clearing set-id bits).
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

using engine::AttributeChange;

int64_t to_ns(const timespec& time) { return time.tv_sec * 1000000000 + time.tv_nsec; }

metrics::Operation operation_of(int which) {
  if (which & FUSE_SET_ATTR_SIZE) return metrics::Operation::k_truncate;
  if (which & FUSE_SET_ATTR_MODE) return metrics::Operation::k_chmod;
  if (which & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) return metrics::Operation::k_chown;
  return metrics::Operation::k_set_times;
}

AttributeChange change_of(const struct stat& wanted, int which) {
  AttributeChange change;
  auto take = [&](int bit, uint32_t ours) {
    if (which & bit) change.which |= ours;
    return (which & bit) != 0;
  };
  if (take(FUSE_SET_ATTR_MODE, AttributeChange::kMode)) change.mode = wanted.st_mode & 07777;
  if (take(FUSE_SET_ATTR_UID, AttributeChange::kUid)) change.uid = wanted.st_uid;
  if (take(FUSE_SET_ATTR_GID, AttributeChange::kGid)) change.gid = wanted.st_gid;
  if (take(FUSE_SET_ATTR_SIZE, AttributeChange::kSize))
    change.size = static_cast<uint64_t>(wanted.st_size);
  if (take(FUSE_SET_ATTR_ATIME, AttributeChange::kAtime)) change.atime_ns = to_ns(wanted.st_atim);
  if (take(FUSE_SET_ATTR_MTIME, AttributeChange::kMtime)) change.mtime_ns = to_ns(wanted.st_mtim);
  if (take(FUSE_SET_ATTR_ATIME_NOW, AttributeChange::kAtime)) change.atime_ns = engine::kTimeNow;
  if (take(FUSE_SET_ATTR_MTIME_NOW, AttributeChange::kMtime)) change.mtime_ns = engine::kTimeNow;
  return change;
}

}  // namespace

using metrics::Operation;

void handle_setattr(fuse_req_t handle, fuse_ino_t node, struct stat* wanted, int which,
                    fuse_file_info* file) {
  Request request(handle, operation_of(which), true);
  request.about(inode_of(node));
  engine::AttributeChange change = change_of(*wanted, which);
  change.by_descriptor = file != nullptr;
  Attributes after;
  // Executing it again would give the same answer, but could undo what somebody else did meanwhile.
  if (request.was_executed())
    return request.reply_attributes(
        engine::read_attributes(request.context(), inode_of(node), after), after);
  request.reply_attributes(engine::set_attributes(request.context(), inode_of(node), change, after),
                           after);
}

}  // namespace bt::fuse
