// SPDX-License-Identifier: MIT
// Where listings stopped: a directory's entries are a list, so going on after a cookie costs a walk from the start unless the
// entry is known. Keyed by directory and cookie rather than by handle, so that nothing has to survive a worker; a hint that
// was overwritten or is wrong costs the walk and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "format/types.h"

namespace bt::fuse {

class ListingHints {
 public:
  format::DentryIndex find(uint64_t node, uint64_t cookie) {
    std::lock_guard lock(mutex_);
    const Hint& hint = at(node, cookie);
    return hint.node == node && hint.cookie == cookie ? hint.dentry : format::DentryIndex::kNone;
  }
  void keep(uint64_t node, uint64_t cookie, format::DentryIndex dentry) {
    std::lock_guard lock(mutex_);
    at(node, cookie) = {node, cookie, dentry};
  }

 private:
  struct Hint {
    uint64_t node = 0, cookie = 0;
    format::DentryIndex dentry = format::DentryIndex::kNone;
  };
  Hint& at(uint64_t node, uint64_t cookie) {
    return hints_[(node * 0x9e3779b97f4a7c15 + cookie) % hints_.size()];
  }
  std::mutex mutex_;
  std::array<Hint, 1024> hints_;
};

}  // namespace bt::fuse
