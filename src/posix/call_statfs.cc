// SPDX-License-Identifier: MIT
// statfs, fstatfs: what the kernel's answer for the mount would be.
#include <fcntl.h>
#include <sys/vfs.h>

#include "base/user_copy.h"
#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

constexpr int64_t kFuseMagic = 0x65735546;
constexpr int64_t kNameMax = 255;
constexpr int64_t kStReadOnly = 1, kStNoSuid = 2, kStNoDev = 4, kStNoExec = 8, kStValid = 0x20,
                  kStRelatime = 4096;

int64_t mount_flags(const Mount& mount) {
  uint32_t options = mount.volume.superblock().options;
  int64_t flags = kStValid | kStRelatime | kStNoDev | kStNoSuid;
  if (options & format::kOptionReadOnly) flags |= kStReadOnly;
  if (options & format::kOptionNoExec) flags |= kStNoExec;
  return flags;
}

Result<void> give(engine::Context& context, const Mount& mount, void* buffer) {
  engine::VolumeStatistics statistics;
  engine::read_statistics(context, statistics);
  struct statfs result = {};
  result.f_type = kFuseMagic;
  result.f_bsize = result.f_frsize = format::kPageSizeBytes;
  result.f_blocks = statistics.blocks;
  result.f_bfree = result.f_bavail = statistics.blocks_free;
  result.f_files = statistics.inodes;
  result.f_ffree = statistics.inodes_free;
  // The kernel makes it of the device number.
  result.f_fsid.__val[0] = static_cast<int>(mount.device);
  result.f_namelen = kNameMax;
  result.f_flags = mount_flags(mount);
  if (!base::copy_to_user(buffer, &result, sizeof result)) return Error(EFAULT);
  return {};
}

Result<void> of_path(const char* path, void* buffer) {
  Walk walk;
  BT_TRY(walk_at(AT_FDCWD, path, kWalkFollow, walk));
  engine::Context context = walk.context();
  return give(context, *walk.mount, buffer);
}

Result<void> of_descriptor(uint64_t fd, void* buffer) {
  OpenFile file;
  BT_TRY(find_open(fd, file));
  engine::Context context = file.context();
  return give(context, *file.mount, buffer);
}

}  // namespace

BT_SERVE(statfs) { return answer(of_path(pointer_of(a), pointer_of(b))); }
BT_SERVE_DESCRIPTOR(fstatfs) { return answer(of_descriptor(a, pointer_of(b))); }

}  // namespace bt::posix
