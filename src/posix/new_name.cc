// SPDX-License-Identifier: MIT
#include "posix/new_name.h"

namespace bt::posix {

Result<void> walk_to_old_name(int32_t directory, const char* path, int dot, int dot_dot,
                              Walk& walk) {
  BT_TRY(walk_at(directory, path, kWalkParent, walk));
  switch (walk.kind) {
    case LastName::kDot:
      return Error(dot);
    case LastName::kDotDot:
      return Error(dot_dot);
    case LastName::kNormal:
      return {};
    default:
      return pass_at(directory, Way::k_passed_mount_crossing, walk);
  }
}

Result<void> walk_to_new_name(int32_t directory, const char* path, Walk& walk) {
  return walk_to_old_name(directory, path, EEXIST, EEXIST, walk);
}

Result<void> walk_to_new_file_name(int32_t directory, const char* path, Walk& walk) {
  BT_TRY(walk_to_new_name(directory, path, walk));
  if (!walk.trailing_slash) return {};
  engine::Context context = walk.context();
  engine::Found found;
  BT_TRY(engine::lookup(context, walk.directory, walk.last, found));
  return Error(EEXIST);
}

bool is_known_to_kernel(const Mount& mount, engine::InodeNumber directory) {
  const engine::InodeRecord* record = mount.volume.inode(directory.index());
  return record && __atomic_load_n(&record->kernel_lookups, __ATOMIC_RELAXED) != 0;
}

}  // namespace bt::posix
