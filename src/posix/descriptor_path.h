// SPDX-License-Identifier: MIT
// The two ways between descriptors and paths: names such as /proc/self/fd/3 that mean a descriptor, and the path under
// which an inode can be found, for readlink of such names and for getcwd.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

struct MagicName {
  int32_t fd;
  uint32_t size;  // of the part of the path that names the descriptor
};
// /proc/{self,thread-self,OWN PID}/fd/N, /dev/fd/N, /dev/std{in,out,err}, followed by the end or a slash.
bool parse_descriptor_path(base::Text path, MagicName& magic);

// Writes the absolute path of `directory` to the end of buffer[0..size) and returns where it starts. ENOENT: it was
// removed. ENAMETOOLONG.
Result<uint32_t> path_of_directory(engine::Context& context, const Mount& mount,
                                   engine::InodeNumber directory, char* buffer, uint32_t size);

// The same for what a descriptor refers to: the name it was opened by, as long as it still stands there. not_ours:
// unknown. A removed directory or file answers its last path and " (deleted)", as the kernel does, when it is known.
Result<uint32_t> path_of_open_file(engine::Context& context, const OpenFile& file, int32_t fd,
                                   char* buffer, uint32_t size);

}  // namespace bt::posix
