// SPDX-License-Identifier: MIT
// Every invariant of a volume, looked at while it is in use: changes wait meanwhile. For `btfuse check`, tests and the
// daemon after a crash. Outside callers only (it needs memory).
#pragma once

#include "engine/thread.h"

namespace bt::engine {

// One broken rule. `rule` is a literal such as "nlink".
struct Violation {
  const char* rule;
  uint64_t object;    // the inode, page, … number it is about
  uint64_t expected, found;
};
struct CheckReport {
  uint64_t inodes, directories, dentries, pages_used, pages_free, descriptions, sessions, slots, file_locks;
  uint64_t orphans, dead_locks, violations;
};
using ReportViolation = void (*)(void* argument, const Violation& violation);

// scratch: zeroed memory of check_scratch_size(volume) bytes.
uint64_t check_scratch_size(const Volume& volume);
Result<void> check_volume(Context& context, void* scratch, ReportViolation report, void* argument, CheckReport& result);

}  // namespace bt::engine
