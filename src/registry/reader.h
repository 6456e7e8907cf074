// SPDX-License-Identifier: MIT
// Reading the registry from inside a program: a few system calls, no heap, no libc. Admission to a volume is the kernel's
// own check: /proc/PID/fd/N of the supervisor opens only for whoever could ptrace it (docs/security.md).
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "registry/registry_format.h"

namespace bt::registry {

inline constexpr uint32_t kDirectoryBytes = 512;

// The value of NAME in envp, empty if unset. `name` ends in '='.
base::Text find_variable(const char* const* environment, const char* name);

// Where `mounts` is: $BTFUSE_RUN_DIR; else /run/btfuse for root; else $XDG_RUNTIME_DIR/btfuse; else /tmp/btfuse-UID.
// `environment` is envp. ENAMETOOLONG.
Result<void> run_directory(const char* const* environment, uint32_t uid,
                           char (&directory)[kDirectoryBytes]);

// The mounts named there, at most `max`; 0 when there is no registry. EINVAL: not a registry of this version. EPERM: the
// directory could have been written by somebody else.
Result<uint32_t> read_mounts(const char* directory, uint32_t uid, MountRecord* mounts,
                             uint32_t max);

// A mount point of a registry, as far as a program must know it that has not had to do with the mount yet.
inline constexpr uint32_t kShortPathBytes = 116;
struct MountPoint {
  uint32_t size;
  char path[kShortPathBytes];
};
// The mount points named there, out of the same file, of which next to nothing is read. ENAMETOOLONG: more than `max`, or
// one that does not fit.
Result<uint32_t> read_mount_points(const char* directory, uint32_t uid, MountPoint* points,
                                   uint32_t max);

// The volume's memory, open for reading and, unless `read_only`, writing, close-on-exec; the caller maps it and closes it.
// EACCES: not for this process. ENOENT, ESRCH: the daemon is gone. ESTALE: the file is not the one that the record speaks of.
Result<int32_t> open_volume(const MountRecord& mount, bool read_only = false);

// The directory behind the volume, O_PATH and close-on-exec. ENOENT: there is none.
Result<int32_t> open_source(const MountRecord& mount);

// The inotify instance in which directories of the source are watched, close-on-exec. ENOENT: there is none.
Result<int32_t> open_watch(const MountRecord& mount);

}  // namespace bt::registry
