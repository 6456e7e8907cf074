// SPDX-License-Identifier: MIT
// For whom a request is done. The kernel says uid and gid; supplementary groups are in /proc alone, which costs more than
// most requests, so they are read only when a permission question hangs on them.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "engine/thread.h"

namespace bt::fuse {

inline constexpr uint32_t kGroupsMax = 256;

class RequestCredentials {
 public:
  // trusted: the kernel has checked already (default_permissions, or a page of a mapping written back).
  RequestCredentials(uint32_t uid, uint32_t gid, pid_t thread, bool trusted);
  RequestCredentials(const RequestCredentials&) = delete;
  RequestCredentials& operator=(const RequestCredentials&) = delete;

  const engine::Credentials& get() const { return credentials_; }

 private:
  static const uint32_t* load_groups(const engine::Credentials& credentials, uint32_t& count);

  // First, so that load_groups finds the whole from it.
  engine::Credentials credentials_;
  pid_t thread_;
  bool loaded_ = false;
  uint32_t group_count_ = 0;
  uint32_t groups_[kGroupsMax];
};

// The supplementary groups of a thread, from the text of its /proc status. Returns how many; at most `max`.
uint32_t parse_groups(const char* status, uint32_t* groups, uint32_t max);

}  // namespace bt::fuse
