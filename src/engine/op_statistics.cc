// SPDX-License-Identifier: MIT
// statfs.
#include "engine/allocator.h"
#include "engine/operations.h"
#include "engine/origin.h"

namespace bt::engine {

void read_statistics(Context& context, VolumeStatistics& statistics) {
  Space space = measure_space(context.volume());
  statistics.blocks = space.pages_total;
  statistics.blocks_free = space.pages_free;
  statistics.inodes = space.inodes_total;
  statistics.inodes_free = space.inodes_free;
  statistics.id = context.volume().superblock().id;
  if (const OriginTable* origin = origin_of(context)) origin->read_statistics(context, statistics);
}

}  // namespace bt::engine
