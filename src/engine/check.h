// SPDX-License-Identifier: MIT
// Every invariant of a volume, looked at while it is in use: changes wait meanwhile (engine/lock_wait.h, gate), readers do
// not. Dead threads are recovered first. For `btfuse check`, tests and the daemon after a crash. Whatever it reads, it stays
// inside the volume and comes to an end.
#pragma once

#include "engine/thread.h"

namespace bt::engine {

// One broken rule. `rule` is a literal, one of those that docs/transactions.md explains.
struct Violation {
  const char* rule;
  uint64_t object;  // the inode, page, … number it is about
  uint64_t expected, found;
};
struct CheckReport {
  uint64_t inodes, directories, dentries, pages_used, pages_free, descriptions, sessions, slots,
      file_locks;
  uint64_t orphans, dead_locks, violations;
  // References to descriptions that are in no session's table: FUSE handles and descriptors in flight.
  uint64_t loose_references;
};
using ReportViolation = void (*)(void* argument, const Violation& violation);

// ETIMEDOUT: some transaction did not end within two seconds (its thread is stopped); EBUSY: another check runs; EIO.
// A frozen volume is checked all the same.
// scratch: zeroed memory of check_scratch_size(volume) bytes.
uint64_t check_scratch_size(const Volume& volume);
Result<void> check_volume(Context& context, void* scratch, ReportViolation report, void* argument,
                          CheckReport& result);

}  // namespace bt::engine
