// SPDX-License-Identifier: MIT
#include "posix/attributes.h"

#include <linux/stat.h>

#include "base/user_copy.h"

namespace bt::posix {

namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint64_t kSecondsBefore1970 = 9'223'372'037;  // as far as 64 bits of nanoseconds reach
constexpr uint64_t kBlocksPerPage = format::kPageSizeBytes / 512;

// Times before 1970 have their nanoseconds counted upwards too.
struct Time {
  uint64_t seconds, nanoseconds;
};
Time split_time(int64_t time_ns) {
  // Unsigned division by a constant is a multiplication and a shift.
  uint64_t before = time_ns < 0 ? kSecondsBefore1970 : 0;
  uint64_t shifted = static_cast<uint64_t>(time_ns) + before * kNanosecondsPerSecond;
  uint64_t whole = shifted / kNanosecondsPerSecond;
  return {whole - before, shifted - whole * kNanosecondsPerSecond};
}

// Fills a structure of the program's with words from its start on.
class WordWriter {
 public:
  explicit WordWriter(void* place) : place_(static_cast<char*>(place)) {}
  WordWriter& operator<<(uint64_t word) {
    good_ = good_ && base::store_user_u64(place_, word);
    place_ += 8;
    return *this;
  }
  WordWriter& operator<<(Time time) { return *this << time.seconds << time.nanoseconds; }
  bool good() const { return good_; }

 private:
  char* place_;
  bool good_ = true;
};

uint64_t two(uint32_t low, uint32_t high) { return low | static_cast<uint64_t>(high) << 32; }

statx_timestamp timestamp_of(int64_t time_ns) {
  Time time = split_time(time_ns);
  statx_timestamp stamp = {};
  stamp.tv_sec = static_cast<int64_t>(time.seconds);
  stamp.tv_nsec = static_cast<uint32_t>(time.nanoseconds);
  return stamp;
}

// 32 bits of device number as the kernel encodes them: 12 bits of major in the middle of 20 of minor.
uint32_t major_of(uint64_t device) { return device >> 8 & 0xfff; }
uint32_t minor_of(uint64_t device) { return (device & 0xff) | (device >> 12 & 0xfff00); }

}  // namespace

Result<void> give_stat(const Mount& mount, const engine::Attributes& attributes, void* buffer) {
  // struct stat of x86-64: 18 words, the last three of them unused.
  WordWriter stat(buffer);
  stat << mount.device << attributes.number << attributes.nlink
       << two(attributes.mode, attributes.uid) << two(attributes.gid, 0) << attributes.rdev
       << attributes.size << uint64_t{format::kPageSizeBytes}
       << attributes.page_count * kBlocksPerPage << split_time(attributes.atime_ns)
       << split_time(attributes.mtime_ns) << split_time(attributes.ctime_ns) << 0 << 0 << 0;
  if (!stat.good()) return Error(EFAULT);
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
  stat.stx_ino = attributes.number;
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
