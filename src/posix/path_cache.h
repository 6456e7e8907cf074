// SPDX-License-Identifier: MIT
// Which directory a path led to the last time: all of a path but its last name, with what was searched on the way, as this
// thread walked it. Kept only as long as nothing in the volume could make it lead elsewhere: whatever moves or removes a
// directory or a symbolic link, or changes who may search a directory, bumps the superblock's dirtree_seq before it lets
// go of its locks. New names cannot change what an existing one means. With an origin, also no longer than the epoch in which
// the path was walked: what was walked through was true in it (docs/cache.md).
//
// Private to the thread. A signal handler may come between any two instructions: `seq` is odd while an entry is written,
// and moves when it was.
#pragma once

#include "base/bytes.h"
#include "format/types.h"

namespace bt::posix {

inline constexpr uint32_t kCachedPathBytes = 144;
inline constexpr uint32_t kCachedPaths = 4;

struct CachedPath {
  uint64_t tree_seq;
  format::InodeNumber start;  // where a relative path begins; 0 for an absolute one
  format::InodeNumber directory;
  uint32_t credentials_epoch;
  uint32_t origin_epoch;  // of the volume, before the walk; of a scratch volume always 0
  uint16_t mount;
  uint16_t size;  // of the text, which ends in a slash; 0: nothing is here
  char text[kCachedPathBytes];
};

struct PathCache {
  uint32_t seq;
  uint32_t suspended;  // the thread has other rights than its own for the moment (access)
  CachedPath entries[kCachedPaths];

  static CachedPath& slot(CachedPath* entries, const char* text, uint32_t size) {
    uint64_t word = static_cast<uint8_t>(text[0]);
    if (size >= 8) __builtin_memcpy(&word, text + size - 8, 8);
    return entries[(word * 0x9e3779b97f4a7c15ull ^ static_cast<uint64_t>(size) << 62) >> 62];
  }
};

}  // namespace bt::posix
