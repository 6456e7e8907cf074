// SPDX-License-Identifier: MIT
// FUSE's request names, as the kernel's tracepoints have them.
#pragma once

#include <cstdint>

namespace bt::cli {

// "opcode" for those that nobody knew when this was written.
inline const char* fuse_opcode_name(uint32_t opcode) {
  static constexpr const char* kNames[] = {
      nullptr,        "LOOKUP",        "FORGET",      "GETATTR",  "SETATTR",  "READLINK",
      "SYMLINK",      nullptr,         "MKNOD",       "MKDIR",    "UNLINK",   "RMDIR",
      "RENAME",       "LINK",          "OPEN",        "READ",     "WRITE",    "STATFS",
      "RELEASE",      nullptr,         "FSYNC",       "SETXATTR", "GETXATTR", "LISTXATTR",
      "REMOVEXATTR",  "FLUSH",         "INIT",        "OPENDIR",  "READDIR",  "RELEASEDIR",
      "FSYNCDIR",     "GETLK",         "SETLK",       "SETLKW",   "ACCESS",   "CREATE",
      "INTERRUPT",    "BMAP",          "DESTROY",     "IOCTL",    "POLL",     "NOTIFY_REPLY",
      "BATCH_FORGET", "FALLOCATE",     "READDIRPLUS", "RENAME2",  "LSEEK",    "COPY_FILE_RANGE",
      "SETUPMAPPING", "REMOVEMAPPING", "SYNCFS",      "TMPFILE",  "STATX"};
  if (opcode >= sizeof kNames / sizeof *kNames || !kNames[opcode]) return "opcode";
  return kNames[opcode];
}

}  // namespace bt::cli
