// SPDX-License-Identifier: MIT
#include "posix/mounts.h"

namespace bt::posix {

constinit Mount mounts[kMountsMax] = {};
constinit uint32_t mount_count = 0;

Result<void> add_mount(const MountSource& source) {
  if (mount_count == kMountsMax) return Error(ENFILE);
  if (source.path.size == 0 || source.path.size >= kMountPathMax) return Error(ENAMETOOLONG);
  Mount& mount = mounts[mount_count];
  BT_TRY(engine::Volume::attach(source.memory, source.size, mount.volume));
  mount.path = source.path.data;
  mount.path_size = source.path.size;
  mount.device = source.device;
  mount.record = source.record;
  mount.source.root = -1;
  mount.index = mount_count++;
  return {};
}

Mount* match_mount(base::Text path, uint32_t& prefix_size) {
  Mount* best = nullptr;
  for (uint32_t i = 0; i < mount_count; i++) {
    Mount& mount = mounts[i];
    if (mount.path_size > path.size || (best && best->path_size > mount.path_size)) continue;
    if (path.size > mount.path_size && path[mount.path_size] != '/') continue;
    if (!base::equal_bytes(mount.path, path.data, mount.path_size)) continue;
    best = &mount;
    prefix_size = mount.path_size;
  }
  return best;
}

}  // namespace bt::posix
