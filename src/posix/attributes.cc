// SPDX-License-Identifier: MIT
#include "posix/attributes.h"

#include <linux/stat.h>

#include "base/user_copy.h"

namespace bt::posix {

namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint64_t kBlocksPerPage = format::kPageSizeBytes / 512;

// struct stat of x86-64, from the kernel's own header: <sys/stat.h> names the same bytes otherwise.
struct KernelStat {
  uint64_t device, inode, link_count;
  uint32_t mode, uid, gid, padding;
  uint64_t rdev;
  int64_t size, block_size, blocks;
  int64_t times[6];  // access, modification, change: seconds, nanoseconds
  int64_t unused[3];
};
static_assert(sizeof(KernelStat) == 144);

// Times before 1970 have their nanoseconds counted upwards too.
void split_time(int64_t time_ns, int64_t& seconds, int64_t& nanoseconds) {
  seconds = time_ns / kNanosecondsPerSecond;
  nanoseconds = time_ns % kNanosecondsPerSecond;
  if (nanoseconds < 0) {
    seconds--;
    nanoseconds += kNanosecondsPerSecond;
  }
}

statx_timestamp timestamp_of(int64_t time_ns) {
  int64_t seconds, nanoseconds;
  split_time(time_ns, seconds, nanoseconds);
  statx_timestamp stamp = {};
  stamp.tv_sec = seconds;
  stamp.tv_nsec = static_cast<uint32_t>(nanoseconds);
  return stamp;
}

// 32 bits of device number as the kernel encodes them: 12 bits of major in the middle of 20 of minor.
uint32_t major_of(uint64_t device) { return device >> 8 & 0xfff; }
uint32_t minor_of(uint64_t device) { return (device & 0xff) | (device >> 12 & 0xfff00); }

}  // namespace

Result<void> give_stat(const Mount& mount, const engine::Attributes& attributes, void* buffer) {
  KernelStat stat;
  stat.device = mount.device;
  stat.inode = format::raw(attributes.inode.index());
  stat.link_count = attributes.nlink;
  stat.mode = attributes.mode;
  stat.uid = attributes.uid;
  stat.gid = attributes.gid;
  stat.padding = 0;
  stat.rdev = attributes.rdev;
  stat.size = static_cast<int64_t>(attributes.size);
  stat.block_size = format::kPageSizeBytes;
  stat.blocks = static_cast<int64_t>(attributes.page_count * kBlocksPerPage);
  split_time(attributes.atime_ns, stat.times[0], stat.times[1]);
  split_time(attributes.mtime_ns, stat.times[2], stat.times[3]);
  split_time(attributes.ctime_ns, stat.times[4], stat.times[5]);
  stat.unused[0] = stat.unused[1] = stat.unused[2] = 0;
  if (!base::copy_to_user(buffer, &stat, sizeof stat)) return Error(EFAULT);
  return {};
}

Result<void> give_statx(const Mount& mount, const engine::Attributes& attributes, void* buffer) {
  struct statx stat = {};
  stat.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  stat.stx_blksize = format::kPageSizeBytes;
  stat.stx_nlink = attributes.nlink;
  stat.stx_uid = attributes.uid;
  stat.stx_gid = attributes.gid;
  stat.stx_mode = static_cast<uint16_t>(attributes.mode);
  stat.stx_ino = format::raw(attributes.inode.index());
  stat.stx_size = attributes.size;
  stat.stx_blocks = attributes.page_count * kBlocksPerPage;
  stat.stx_atime = timestamp_of(attributes.atime_ns);
  stat.stx_mtime = timestamp_of(attributes.mtime_ns);
  stat.stx_ctime = timestamp_of(attributes.ctime_ns);
  stat.stx_btime = timestamp_of(attributes.btime_ns);
  stat.stx_rdev_major = major_of(attributes.rdev);
  stat.stx_rdev_minor = minor_of(attributes.rdev);
  stat.stx_dev_major = major_of(mount.device);
  stat.stx_dev_minor = minor_of(mount.device);
  stat.stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
  if (attributes.inode == engine::kRootInode) stat.stx_attributes = STATX_ATTR_MOUNT_ROOT;
  if (!base::copy_to_user(buffer, &stat, sizeof stat)) return Error(EFAULT);
  return {};
}

}  // namespace bt::posix
