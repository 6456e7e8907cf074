// SPDX-License-Identifier: MIT
// The file `mounts` of the run directory: which volumes are mounted here, and where their memory is to be had. A process
// that starts under `btfuse run` reads it once. Replaced whole by rename, so a reader sees one state or the next.
//
//   0 header (16 bytes)   16 MountRecord × count
#pragma once

#include <cstdint>

namespace bt::registry {

inline constexpr uint64_t kRegistryMagic = 0x31475245'53554642;  // "BFUSERG1"
inline constexpr uint32_t kMountsMax = 64;
inline constexpr uint32_t kPathBytes = 4096;

struct RegistryHeader {
  uint64_t magic;
  uint32_t record_size;  // sizeof(MountRecord): another version's file is not read
  uint32_t count;
};
static_assert(sizeof(RegistryHeader) == 16);

struct MountRecord {
  uint64_t volume_id;          // 0    superblock.id
  uint64_t volume_size;        // 8    bytes of the memfd
  uint64_t daemon_start_time;  // 16   field 22 of /proc/PID/stat: tells a reused pid
  uint64_t kernel_device;      // 24   st_dev of the mount
  uint32_t daemon_pid;         // 32   the supervisor, which holds the memfd
  int32_t volume_descriptor;   // 36   its number there
  uint32_t owner_uid;          // 40
  uint32_t flags;              // 44   superblock.options
  uint32_t mount_point_size;   // 48
  int32_t
      source_descriptor;  // 52   the supervisor's number of the directory behind the volume; 0 = none
  int32_t watch_descriptor;      // 56   the supervisor's number of the inotify instance; 0 = none
  uint32_t reserved;             // 60
  char mount_point[kPathBytes];  // 64  real path, terminated
};
static_assert(sizeof(MountRecord) == 64 + kPathBytes);

}  // namespace bt::registry
