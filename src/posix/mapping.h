// SPDX-License-Identifier: MIT
// Shared mappings of files as the volume's own pages: what a program stores is in the file at once, for every process and
// for the kernel path. Pages are pinned while they are mapped. Private and executable mappings are the kernel's.
//
// When a file grows under a mapping, the new part is still the kernel's, which raises SIGBUS there; the agent's handler
// then calls mapping_fault, which puts the new page there.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

struct MapRequest {
  uint64_t address, size;
  int32_t protection, flags;
  uint64_t offset;
};
// Shared and not executable.
bool may_overlay(const MapRequest& request);
// The kernel has mapped the file at `address` as the request says: covers what exists of it with the volume's pages. Where
// that does not work out (no pages, too scattered) the kernel's mapping stays.
void overlay_volume_pages(const OpenFile& file, const MapRequest& request, uint64_t address);

struct RemapRequest {
  uint64_t address, old_size, new_size;
  uint32_t flags;
  uint64_t new_address;
};
// not_ours: nothing of ours begins there.
Result<uint64_t> remap_volume_pages(const RemapRequest& request);

// Cheap: is anything of ours mapped there?
bool any_mapping_in(uint64_t address, uint64_t size);
// What was mapped in the range is gone: unpins it.
void forget_mappings(uint64_t address, uint64_t size);

// From the SIGBUS handler: true when the page is there now and the access may be tried again.
bool mapping_fault(uint64_t address);

}  // namespace bt::posix
