// SPDX-License-Identifier: MIT
// The path walk: from a text and a place to start to an inode, or to the directory and name where something is to be
// made or removed. Paths that lead out of our mounts end in error::not_ours: then nothing has happened and the kernel
// does the whole call.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

inline constexpr uint32_t kWalkFollow = 1;  // a symbolic link at the end is followed
inline constexpr uint32_t kWalkParent = 2;  // stop before the last name; do not look it up
inline constexpr uint32_t kWalkMayLack =
    4;  // the last name may be missing: exists = false instead of ENOENT
inline constexpr uint32_t kWalkEmpty = 8;        // AT_EMPTY_PATH: "" is the descriptor itself
inline constexpr uint32_t kWalkNoSymlinks = 16;  // RESOLVE_NO_SYMLINKS: ELOOP at the first one
inline constexpr uint32_t kWalkBeneath = 32;  // RESOLVE_BENEATH: EXDEV instead of leaving the start
inline constexpr uint32_t kWalkInRoot = 64;   // RESOLVE_IN_ROOT: the start is the root

inline constexpr uint32_t kWalkCreate =
    256;  // O_CREAT: a slash behind the last name is EISDIR, whatever it is

inline constexpr uint32_t kSymlinksMax = 40;
inline constexpr uint32_t kPathMax = 4096;

enum class LastName : uint8_t { kNormal, kDot, kDotDot, kRoot, kDescriptor };

struct Walk {
  Mount* mount;
  engine::InodeNumber directory;  // where the last name is
  base::Text last;                // in buffer; empty unless kind is kNormal
  LastName kind;
  bool trailing_slash;
  bool exists;
  bool absolute;
  engine::Found found;  // when exists
  ThreadState* self;
  char buffer[2 * kPathMax];

  engine::Context context() { return context_of(*self, *mount); }
};

// directory: a descriptor or AT_FDCWD. Errors as a path gives them: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EFAULT,
// EBADF, EXDEV.
Result<void> walk_path(int32_t directory, const char* path, uint32_t flags, Walk& walk);
// The same for handlers that pass the call on when it is not_ours: a directory descriptor of ours is made real first, for
// the kernel would take its placeholder for the mount's root.
Result<void> walk_at(int32_t directory, const char* path, uint32_t flags, Walk& walk);
// Passing on a call for another reason, likewise.
Error pass_at(int32_t directory, Way reason, const Walk& walk);

// AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH as walk flags.
uint32_t walk_flags_of(uint64_t at_flags);

}  // namespace bt::posix
