// SPDX-License-Identifier: MIT
#include "posix/mapped_ranges.h"

namespace bt::posix {

constinit MappedRanges mapped_ranges = {};

Area* MappedRanges::new_area() {
  for (uint32_t i = 0; i < kAreasMax; i++) {
    if (!areas[i].at.is_empty()) continue;
    if (i >= areas_used) __atomic_store_n(&areas_used, i + 1, __ATOMIC_RELAXED);
    return &areas[i];
  }
  return nullptr;
}

Run* MappedRanges::new_run() {
  if (runs_used < kRunsMax) return &runs[runs_used++];
  for (uint32_t i = 0; i < kRunsMax; i++)
    if (!runs[i].pages) return &runs[i];
  return nullptr;
}

Area* MappedRanges::area_at(uint64_t address) {
  for (uint32_t i = 0; i < areas_used; i++)
    if (areas[i].at.holds(address)) return &areas[i];
  return nullptr;
}

bool MappedRanges::any_in(Range range) const {
  uint32_t used = __atomic_load_n(&areas_used, __ATOMIC_RELAXED);
  for (uint32_t i = 0; i < used; i++)
    if (areas[i].at.overlaps(range)) return true;
  return false;
}

namespace {

Result<void> split_area_at(MappedRanges& all, uint64_t address) {
  Area* area = all.area_at(address);
  if (!area || area->at.begin == address) return {};
  Area* behind = all.new_area();
  if (!behind) return Error(ENOMEM);
  *behind = *area;
  behind->first_page = area->page_at(address);
  behind->at.begin = address;
  area->at.end = address;
  return {};
}

Result<void> split_run_at(MappedRanges& all, uint64_t address) {
  for (uint32_t i = 0; i < all.runs_used; i++) {
    Run& run = all.runs[i];
    if (!run.pages || !run.at().holds(address) || run.address == address) continue;
    Run* behind = all.new_run();
    if (!behind) return Error(ENOMEM);
    auto before = static_cast<uint32_t>((address - run.address) / kMapPage);
    *behind = {address, run.pages - before, engine::PageIndex{format::raw(run.first) + before},
               run.mount};
    run.pages = before;
    return {};
  }
  return {};
}

}  // namespace

Result<void> MappedRanges::split_at(Range range) {
  BT_TRY(split_area_at(*this, range.begin));
  BT_TRY(split_area_at(*this, range.end));
  BT_TRY(split_run_at(*this, range.begin));
  return split_run_at(*this, range.end);
}

}  // namespace bt::posix
