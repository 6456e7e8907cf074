// SPDX-License-Identifier: MIT
// Mappings of files as the volume's own pages: what a program stores through a shared one is in the file at once, for
// every process and for the kernel path; a private one sees what is written to the file until it stores there itself.
// Pages are pinned while they are mapped. What is to be executed is the kernel's, so that /proc/PID/maps names the file.
//
// Under the pages of the file lies a mapping of the volume's memory behind its end, where every access raises SIGBUS, as
// behind the end of a file. When the file has grown, the agent's handler calls mapping_fault, which puts the pages there.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

struct MapRequest {
  uint64_t address, size;
  int32_t protection, flags;
  uint64_t offset;
};
// A request that mmap does not refuse by itself. not_ours: the kernel has to map the file. ENOMEM.
Result<uint64_t> map_volume_pages(const OpenFile& file, const MapRequest& request);

struct RemapRequest {
  uint64_t address, old_size, new_size;
  uint32_t flags;
  uint64_t new_address;
};
// not_ours: nothing of ours is mapped there.
Result<uint64_t> remap_volume_pages(const RemapRequest& request);
// mprotect in a range with something of ours in it.
Result<void> protect_volume_pages(uint64_t address, uint64_t size, int32_t protection);

// Cheap: is anything of ours mapped there?
bool any_mapping_in(uint64_t address, uint64_t size);
// What was mapped in the range is gone: unpins it.
void forget_mappings(uint64_t address, uint64_t size);
// Pages of a file that this process has truncated or punched are no longer the file's: accesses raise SIGBUS, or find what
// has taken their place.
void drop_file_pages(Mount& mount, engine::InodeNumber inode, uint64_t first_page,
                     uint64_t end_page);

// From the SIGBUS handler: true when the page is there now and the access may be tried again.
bool mapping_fault(uint64_t address);

}  // namespace bt::posix
