// SPDX-License-Identifier: MIT
#include <sys/statvfs.h>

#include "fuse/handlers.h"

namespace bt::fuse {

using metrics::Operation;

void handle_statfs(fuse_req_t handle, fuse_ino_t) {
  Request request(handle, Operation::k_stat_volume, false, true);
  engine::VolumeStatistics found{};
  engine::read_statistics(request.context(), found);
  struct statvfs statistics {};
  statistics.f_bsize = statistics.f_frsize = format::kPageSizeBytes;
  statistics.f_blocks = found.blocks;
  statistics.f_bfree = statistics.f_bavail = found.blocks_free;
  statistics.f_files = found.inodes;
  statistics.f_ffree = statistics.f_favail = found.inodes_free;
  statistics.f_namemax = 255;
  request.reply_statistics(statistics);
}

}  // namespace bt::fuse
