// SPDX-License-Identifier: MIT
// Names that are in no directory (format/hidden_name.h): each opens an open file description of the volume a second time, as a
// descriptor of the kernel, for the program that made it: it is about to hand it to something that only knows the kernel's, and
// will set the descriptor to that offset; or it needs the kernel for a mapping or a call. Looked up by the volume's owner and
// root alone, never listed.
//
// The lookup answers the file's real node, so that the kernel has one inode for it; that the OPEN which follows is about the
// description and not about the file is remembered by thread. Any other lookup of the thread forgets it.
#pragma once

#include <atomic>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "engine/operations.h"
#include "format/hidden_name.h"
#include "fuse/protocol.h"

namespace bt::fuse {

inline bool is_hidden(std::string_view name) { return name.starts_with(format::kHiddenPrefix); }

struct NamedDescription {
  format::DescriptionIndex description = format::DescriptionIndex::kNone;
  format::InodeNumber inode;
  uint64_t offset = 0;
};

// `name` is_hidden. kNone: not a whole such name, or the volume has no such description open on that inode.
NamedDescription find_named_description(const engine::Volume& volume, std::string_view name);

class PendingOpens {
 public:
  void expect(pid_t thread, const NamedDescription& named);
  void forget(pid_t thread);
  // The description that this OPEN is about; kNone for an ordinary one. Taken once.
  NamedDescription take(pid_t thread, format::InodeNumber inode);

 private:
  std::atomic<uint32_t> count_{0};  // hint: spares ordinary requests the mutex
  std::mutex mutex_;
  std::unordered_map<pid_t, NamedDescription> expected_;
};

}  // namespace bt::fuse
