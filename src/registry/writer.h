// SPDX-License-Identifier: MIT
// Keeping the registry: the run directory is made safe, one writer at a time holds `lock`, and `mounts` is replaced by
// rename. Whoever writes or lists also drops the records of daemons that are gone.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "registry/registry_format.h"

namespace bt::registry {

// This user's run directory as reader.h has it, made (0700) if it is missing. EPERM: it belongs to somebody else or others
// may write to it.
std::string run_directory_path();
Result<void> make_run_directory(const std::string& directory);

// All records, of dead daemons too.
std::vector<MountRecord> all_mounts(const std::string& directory);
// Whether the daemon of the record still runs (pid and start time).
bool is_alive(const MountRecord& mount);
// nothing found: volume_id 0.
MountRecord find_mount(const std::string& directory, const std::string& mount_point);

// Adds the record; one with the same mount point is replaced. ENOSPC: kMountsMax are there.
Result<void> add_mount(const std::string& directory, const MountRecord& mount);
Result<void> remove_mount(const std::string& directory, uint64_t volume_id);
// Drops the records of dead daemons. Returns how many went.
Result<uint32_t> remove_stale_mounts(const std::string& directory);

// Clock ticks since boot at which `pid` started; 0: no such process.
uint64_t process_start_time(uint32_t pid);

}  // namespace bt::registry
