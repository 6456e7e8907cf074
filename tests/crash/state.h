// SPDX-License-Identifier: MIT
// What a program can see of a volume, as values to compare: the model of the crash test is "the state before the operation
// or the state after it", each taken from a run that was not cut. Inode numbers are replaced by the order of their first
// appearance, so that hard links show and the allocator's choices do not.
#pragma once

#include <string>
#include <vector>

#include "actor.h"

namespace bt::crash {

struct Entry {
  std::string path;
  uint32_t identity;  // the first entry with the same inode
  uint32_t mode, uid, gid, nlink;
  uint64_t size, rdev, page_count, change;
  int64_t mtime_ns, ctime_ns;
  std::string extra;            // link target, extended attributes, advisory locks
  std::vector<uint64_t> pages;  // a hash of each page of data, the last cut at the size

  bool operator==(const Entry&) const = default;
};

struct State {
  std::vector<Entry> entries;
  std::vector<std::string> descriptors;  // of the bystander's session
  bool operator==(const State&) const = default;
};

State look_at(Actor& actor);

// `now` is on the way from `before` to `after` as a write in steps may be: the same names; each size between the two; each
// page as in one of them, or (a cut page at the end) missing; any page if `torn`.
bool is_between(const State& now, const State& before, const State& after, bool torn);

// The first difference, for people.
std::string difference(const State& a, const State& b);

}  // namespace bt::crash
