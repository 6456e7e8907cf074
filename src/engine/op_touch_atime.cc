// SPDX-License-Identifier: MIT
// relatime: the access time moves when it is older than a change, or than a day. The word is atomic and stands outside all
// transactions; a number whose file is gone in this very moment costs at worst a wrong access time of a free record.
#include "engine/clock.h"
#include "engine/operations.h"
#include "engine/seq_read.h"

namespace bt::engine {

constexpr int64_t kDayNs = 86'400'000'000'000;

void touch_atime(Context& context, InodeNumber inode) {
  Volume& volume = context.volume();
  InodeRecord* record = volume.inode(inode.index());
  if (!record || load_relaxed(record->generation) != inode.generation()) return;
  int64_t atime = load_relaxed(record->atime_ns);
  bool seen = atime > load_relaxed(record->mtime_ns) && atime > load_relaxed(record->ctime_ns);
  if (seen && coarse_now_ns(context.thread) - atime < kDayNs) return;
  if (volume.is_read_only() || (load_relaxed(volume.superblock().options) & kOptionNoAtime)) return;
  __atomic_store_n(&record->atime_ns, clock_now_ns(context.thread), __ATOMIC_RELAXED);
}

}  // namespace bt::engine
