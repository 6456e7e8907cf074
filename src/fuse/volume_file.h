// SPDX-License-Identifier: MIT
// The memory of a volume: a sealed memfd, formatted once, mapped by every worker.
#pragma once

#include <cstdint>
#include <string>

#include "engine/volume.h"

namespace bt::fuse {

struct VolumeFile {
  int file = -1;
  uint64_t size = 0;
  uint64_t id = 0;
};

// A fresh volume. ENOMEM, ENOSPC; EINVAL: the size does not do.
Result<void> make_volume(engine::FormatOptions options, VolumeFile& made);
// Maps the whole of it for reading and writing and attaches. The mapping lasts as long as the process.
Result<void> map_volume(const VolumeFile& file, engine::Volume& volume);

}  // namespace bt::fuse
