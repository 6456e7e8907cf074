// SPDX-License-Identifier: MIT
// A process that knows of mounts and has not had to do with one. Most programs end like this, and a volume that is mapped
// costs a tenth of a millisecond: so at load only the mount points are read, and the volumes are mapped when the first
// call comes that may be about one of them.
//
//   announced   first_look.announced = 1, attached = 0, no mount in mounts.h
//   attached    the other way round, for good
//
// What would be wrong to miss meanwhile is looked at although nothing is attached: calls that change the working directory
// (the volumes are mapped first), the umask, and those after which names mean something else (agent/syscalls.def, kServing).
#pragma once

#include "base/bytes.h"
#include "registry/reader.h"

namespace bt::posix {

// At load, with one thread: reads the mount points; those that BTFUSE_ONLY does not name are left out.
enum class Announcement : uint8_t {
  kNothing,    // no mounts
  kAnnounced,  // known; nothing more is needed now
  kAtOnce,  // the volumes are needed now: where we stand is on a mount, or there is too much to remember
};
Announcement read_announcement(char** environment);

// Whether a mount at `path` was there when the process started.
bool is_announced(base::Text path);
// Where the registry is, as it was found then.
const char* registry_directory();

// For (dirfd, path) of a call while nothing is attached: false only when it cannot reach a mount.
bool path_may_be_announced(const char* path);
bool at_path_may_be_announced(int32_t directory, const char* path);

}  // namespace bt::posix
