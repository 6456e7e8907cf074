// SPDX-License-Identifier: MIT
// What of the address space is mapped files of ours: areas (a mapping as the program made it) and, within areas, runs
// (neighbouring pages of the volume that are pinned and mapped). Private to the process; a fork child inherits it with
// the memory.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

inline constexpr uint64_t kMapPage = format::kPageSizeBytes;

struct Range {
  uint64_t begin, end;

  uint64_t size() const { return end - begin; }
  bool is_empty() const { return begin >= end; }
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
  bool holds(uint64_t address) const { return begin <= address && address < end; }
  Range common(const Range& other) const {
    return {base::max(begin, other.begin), base::min(end, other.end)};
  }
};
// The OS pages that [address, address + size) touches; as the kernel rounds it.
inline Range page_range(uint64_t address, uint64_t size) {
  return {address, base::align_up(address + size, kMapPage)};
}

struct Area {
  Range at;             // empty: the record is free
  uint64_t first_page;  // of the file, at at.begin
  engine::InodeNumber inode;
  Mount* mount;
  int32_t protection;
  int32_t kind;    // MAP_SHARED or MAP_PRIVATE, with MAP_NORESERVE
  bool read_only;  // a shared mapping of a descriptor that cannot write

  uint64_t page_at(uint64_t address) const { return first_page + (address - at.begin) / kMapPage; }
  uint64_t address_of(uint64_t page) const { return at.begin + (page - first_page) * kMapPage; }
};
struct Run {
  uint64_t address;
  uint32_t pages;  // 0: the record is free
  engine::PageIndex first;
  Mount* mount;

  Range at() const { return {address, address + pages * kMapPage}; }
};

inline constexpr uint32_t kAreasMax = 1024;
inline constexpr uint32_t kRunsMax = 32768;

struct MappedRanges {
  Files lock;                      // its lock alone is used; guards all below but for any_in
  uint32_t areas_used, runs_used;  // no record in use at or above; atomic relaxed
  Area areas[kAreasMax];
  Run runs[kRunsMax];

  // nullptr: no record is free.
  Area* new_area();
  Run* new_run();
  // The area that holds the address.
  Area* area_at(uint64_t address);
  // Without the lock, and cheap: is anything of ours mapped there?
  bool any_in(Range range) const;
  // Areas and runs end or begin at both ends of the range. ENOMEM: no record is free.
  Result<void> split_at(Range range);
};
extern MappedRanges mapped_ranges;

}  // namespace bt::posix
