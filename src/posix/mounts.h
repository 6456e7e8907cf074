// SPDX-License-Identifier: MIT
// The mounts this process serves itself: found in the registry when it starts, mapped once, never unmapped while it
// lives (a thread may be inside). Const after attach but for the fields that say otherwise.
#pragma once

#include "base/bytes.h"
#include "engine/volume.h"
#include "origin/directory.h"
#include "registry/registry_format.h"

namespace bt::posix {

inline constexpr uint32_t kMountsMax = 4;
inline constexpr uint32_t kMountPathMax = 4096;

struct Mount {
  engine::Volume volume;
  uint32_t index;
  uint32_t path_size;
  uint64_t device;  // st_dev as the kernel gives it
  const registry::MountRecord*
      record;             // where its memory is opened again, for mappings; nullptr: nowhere
  origin::Source source;  // its root is a hidden descriptor too; -1: nothing behind the volume
  const char* path;       // real path of the mount point, terminated, no slash at its end
};

extern Mount mounts[kMountsMax];
extern uint32_t mount_count;

// Where a volume comes from. Path and record stay where they are.
struct MountSource {
  void* memory;
  uint64_t size;
  base::Text path;  // terminated
  uint64_t device;
  const registry::MountRecord* record;
};
// Enters one more mount. EINVAL (not a volume), ENFILE (kMountsMax), ENAMETOOLONG.
Result<void> add_mount(const MountSource& source);

// The mount whose point is `path` or above it, and how long its part of the text is; nullptr: none.
Mount* match_mount(base::Text path, uint32_t& prefix_size);

inline bool is_gone(const Mount& mount) {
  return __atomic_load_n(&mount.volume.superblock().state, __ATOMIC_RELAXED) == engine::kVolumeGone;
}

}  // namespace bt::posix
