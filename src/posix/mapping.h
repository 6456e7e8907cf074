// SPDX-License-Identifier: MIT
// Mappings of files as the volume's own pages: what a program stores is in the file at once, for every process and for the
// kernel path. Pages are pinned while they are mapped. Private mappings see the file's pages until they write.
//
// Beyond the end of the file a mapping stands on the end of the volume, where the kernel raises SIGBUS; when the file has
// grown meanwhile, the agent's handler calls mapping_fault, which puts the new page there.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

struct MapRequest {
  uint64_t address, size;
  int32_t protection, flags;
  uint64_t offset;
};
// not_ours: the kernel is to map it (executable, too scattered, too big, or odd flags).
Result<uint64_t> map_volume_pages(const OpenFile& file, const MapRequest& request);

struct RemapRequest {
  uint64_t address, old_size, new_size;
  uint32_t flags;
  uint64_t new_address;
};
Result<uint64_t> remap_volume_pages(const RemapRequest& request);

// Cheap: is anything of ours mapped there?
bool any_mapping_in(uint64_t address, uint64_t size);
// What was mapped in the range is gone: unpins it.
void forget_mappings(uint64_t address, uint64_t size);

// From the SIGBUS handler: true when the page is there now and the access may be tried again.
bool mapping_fault(uint64_t address);

}  // namespace bt::posix
