// SPDX-License-Identifier: MIT
#include "fuse/credentials.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace bt::fuse {
namespace {

uint32_t read_groups(pid_t thread, uint32_t* groups, uint32_t max) {
  char name[40];
  std::snprintf(name, sizeof name, "/proc/%d/status", thread);
  int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[8192];
  ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  if (got <= 0) return 0;
  text[got] = '\0';
  return parse_groups(text, groups, max);
}

}  // namespace

uint32_t parse_groups(const char* status, uint32_t* groups, uint32_t max) {
  const char* line = std::strstr(status, "\nGroups:");
  if (!line) return 0;
  const char* next = line + sizeof("\nGroups:") - 1;
  uint32_t count = 0;
  while (count < max) {
    while (*next == ' ' || *next == '\t') next++;
    if (*next < '0' || *next > '9') break;
    char* end;
    groups[count++] = static_cast<uint32_t>(std::strtoul(next, &end, 10));
    next = end;
  }
  return count;
}

const uint32_t* RequestCredentials::load_groups(const engine::Credentials& credentials,
                                                uint32_t& count) {
  static_assert(std::is_standard_layout_v<RequestCredentials>);
  auto& self =
      *reinterpret_cast<RequestCredentials*>(const_cast<engine::Credentials*>(&credentials));
  if (!self.loaded_) self.group_count_ = read_groups(self.thread_, self.groups_, kGroupsMax);
  self.loaded_ = true;
  count = self.group_count_;
  return self.groups_;
}

RequestCredentials::RequestCredentials(uint32_t uid, uint32_t gid, pid_t thread, bool trusted)
    : thread_(thread) {
  credentials_.uid = uid;
  credentials_.gid = gid;
  credentials_.trusted = trusted;
  if (uid == 0) {
    // Capabilities of others do not reach us: root has all of them, anybody else none.
    credentials_.dac_override = credentials_.dac_read_search = credentials_.fowner = true;
    credentials_.chown = credentials_.fsetid = credentials_.mknod = credentials_.sys_admin = true;
  } else if (!trusted && thread > 0) {
    credentials_.load_groups = load_groups;
  }
}

}  // namespace bt::fuse
