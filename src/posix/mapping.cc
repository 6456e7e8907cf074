// SPDX-License-Identifier: MIT
// The kernel has mapped the file already when overlay_volume_pages is asked; here the part that exists is covered with the
// volume's own pages. No descriptor is needed for that: mremap of nothing (old size 0) doubles a shared mapping, and the
// whole volume is mapped. What lies beyond the end of the file stays the kernel's, which raises SIGBUS there.
#include "posix/mapping.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "base/syscall.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

constexpr uint64_t kPage = format::kPageSizeBytes;
constexpr uint32_t kAreasMax = 512;
constexpr uint32_t kRunsMax = 4096;
// More pieces than this in one mapping: the kernel's page cache is the better way.
constexpr uint32_t kRunsAtOnce = 256;
constexpr uint64_t kPagesAtOnce = 65536;

// One mmap of the program, for faults beyond its covered part.
struct Area {
  uint64_t address, size;  // size 0: free
  uint64_t first_page;     // of the file, at address
  engine::InodeNumber inode;
  Mount* mount;
  int32_t protection;
};
// Neighbouring pages of the volume, mapped and pinned.
struct Run {
  uint64_t address;
  uint32_t pages;  // 0: free
  engine::PageIndex first;
  Mount* mount;
};

constinit Area areas[kAreasMax] = {};
constinit Run runs[kRunsMax] = {};
uint32_t areas_used, runs_used;
constinit Files table_lock = {};  // its lock alone is used

bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

Area* free_area() {
  for (uint32_t i = 0; i < kAreasMax; i++) {
    if (areas[i].size) continue;
    if (i >= areas_used) areas_used = i + 1;
    return &areas[i];
  }
  return nullptr;
}
Run* free_run() {
  for (uint32_t i = 0; i < kRunsMax; i++) {
    if (runs[i].pages) continue;
    if (i >= runs_used) runs_used = i + 1;
    return &runs[i];
  }
  return nullptr;
}

void unpin(Mount& mount, engine::PageIndex first, uint32_t pages) {
  ThreadState& self = thread_state;
  if (!enter(self, mount)) return;
  engine::Context context = context_of(self, mount);
  for (uint32_t i = 0; i < pages; i++)
    (void)engine::unpin_page(context, engine::PageIndex{format::raw(first) + i});
}

bool cover(const Run& run, int32_t protection) {
  uint64_t size = run.pages * kPage;
  int64_t from = base::raw_argument(run.mount->volume.page(run.first));
  int64_t mapped = raw_syscall(SYS_mremap, from, 0, static_cast<int64_t>(size),
                               MREMAP_MAYMOVE | MREMAP_FIXED, static_cast<int64_t>(run.address));
  if (mapped != static_cast<int64_t>(run.address)) return false;
  raw_syscall(SYS_mprotect, mapped, static_cast<int64_t>(size), protection);
  return true;
}

// Pins the file's pages from `page` on and covers the addresses from `address` on with them. False: something was in the
// way; what was covered stays so.
bool cover_pages(const Area& area, uint64_t address, uint64_t page, uint64_t count) {
  ThreadState& self = thread_state;
  engine::Context context = context_of(self, *area.mount);
  uint32_t pieces = 0;
  for (uint64_t done = 0; done < count;) {
    Run run = {address + done * kPage, 0, {}, area.mount};
    while (done < count) {
      auto pinned = engine::pin_page(context, area.inode, page + done, true);
      if (!pinned || *pinned == engine::PageIndex::kNone) break;
      if (run.pages && format::raw(*pinned) != format::raw(run.first) + run.pages) {
        (void)engine::unpin_page(context, *pinned);
        break;
      }
      if (!run.pages) run.first = *pinned;
      run.pages++;
      done++;
    }
    Run* place = run.pages && pieces++ < kRunsAtOnce ? free_run() : nullptr;
    if (!place || !cover(run, area.protection)) {
      unpin(*area.mount, run.first, run.pages);
      return false;
    }
    *place = run;
  }
  return true;
}

uint64_t pages_of_file(engine::Context& context, engine::InodeNumber inode) {
  engine::Attributes attributes;
  if (!engine::read_attributes(context, inode, attributes)) return 0;
  return base::divide_up(attributes.size, kPage);
}

uint64_t existing_pages(engine::Context& context, const Area& area) {
  uint64_t in_file = pages_of_file(context, area.inode), wanted = base::divide_up(area.size, kPage);
  if (in_file <= area.first_page) return 0;
  return base::min(in_file - area.first_page, wanted);
}

}  // namespace

bool may_overlay(const MapRequest& request) {
  int32_t kind = request.flags & MAP_TYPE;
  return (kind == MAP_SHARED || kind == MAP_SHARED_VALIDATE) && !(request.protection & PROT_EXEC);
}

void overlay_volume_pages(const OpenFile& file, const MapRequest& request, uint64_t address) {
  FilesGuard guard(table_lock);
  Area* area = free_area();
  if (!area) return;
  engine::Context context = file.context();
  *area = {address,    request.size, request.offset / kPage,
           file.inode, file.mount,   request.protection};
  uint64_t count = existing_pages(context, *area);
  if (count <= kPagesAtOnce && cover_pages(*area, address, area->first_page, count)) return;
  // The covered pieces go on being the file's pages; the rest is the kernel's, for good.
  area->size = 0;
}

bool any_mapping_in(uint64_t address, uint64_t size) {
  for (uint32_t i = 0; i < areas_used; i++)
    if (areas[i].size && overlaps(areas[i].address, areas[i].size, address, size)) return true;
  for (uint32_t i = 0; i < runs_used; i++)
    if (runs[i].pages && overlaps(runs[i].address, runs[i].pages * kPage, address, size))
      return true;
  return false;
}

namespace {

// Takes [address, end) out of one run; what is left in front stays, what is left behind becomes a run of its own.
void cut_run(Run& run, uint64_t address, uint64_t end) {
  uint64_t run_end = run.address + run.pages * kPage;
  uint64_t from = base::max(address, run.address), to = base::min(end, run_end);
  uint32_t before = static_cast<uint32_t>((from - run.address) / kPage);
  uint32_t gone = static_cast<uint32_t>((to - from) / kPage);
  uint32_t behind = run.pages - before - gone;
  Run old = run;
  run.pages = before;
  unpin(*old.mount, engine::PageIndex{format::raw(old.first) + before}, gone);
  if (!behind) return;
  // No room for the record: its pages stay pinned until the process ends.
  if (Run* place = free_run())
    *place = {to, behind, engine::PageIndex{format::raw(old.first) + before + gone}, old.mount};
}

void cut_area(Area& area, uint64_t address, uint64_t end) {
  uint64_t area_end = area.address + base::align_up(area.size, kPage);
  Area old = area;
  area.size = address > old.address ? address - old.address : 0;
  if (end >= area_end) return;
  if (Area* place = free_area())
    *place = {end,       area_end - end, old.first_page + (end - old.address) / kPage,
              old.inode, old.mount,      old.protection};
}

}  // namespace

void forget_mappings(uint64_t address, uint64_t size) {
  if (!any_mapping_in(address, size)) return;
  FilesGuard guard(table_lock);
  uint64_t end = base::align_up(address + size, kPage);
  for (uint32_t i = 0; i < runs_used; i++)
    if (runs[i].pages && overlaps(runs[i].address, runs[i].pages * kPage, address, end - address))
      cut_run(runs[i], address, end);
  for (uint32_t i = 0; i < areas_used; i++)
    if (areas[i].size && overlaps(areas[i].address, areas[i].size, address, end - address))
      cut_area(areas[i], address, end);
}

// Several pieces cannot be moved by the kernel as one: a new mapping takes the place of the old.
Result<uint64_t> remap_volume_pages(const RemapRequest& request) {
  Area area = {};
  for (uint32_t i = 0; i < areas_used; i++)
    if (areas[i].size && areas[i].address == request.address) area = areas[i];
  if (!area.size) return pass(Way::k_passed_unsupported);
  if (request.new_size <= request.old_size && !(request.flags & MREMAP_FIXED)) {
    uint64_t keep = base::align_up(request.new_size, kPage),
             old = base::align_up(request.old_size, kPage);
    if (keep < old) {
      raw_syscall(SYS_munmap, static_cast<int64_t>(request.address + keep),
                  static_cast<int64_t>(old - keep));
      forget_mappings(request.address + keep, old - keep);
    }
    return request.address;
  }
  if (!(request.flags & MREMAP_MAYMOVE)) return Error(ENOMEM);
  if (request.flags & ~static_cast<uint32_t>(MREMAP_MAYMOVE))
    return pass(Way::k_passed_unsupported);
  BT_TRY(enter(thread_state, *area.mount));
  BT_TRY_ASSIGN(int64_t fresh, from_kernel(raw_syscall(
                                   SYS_mmap, 0, static_cast<int64_t>(request.new_size), PROT_NONE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)));
  {
    FilesGuard guard(table_lock);
    Area* place = free_area();
    if (!place) return Error(ENOMEM);
    *place = area;
    place->address = static_cast<uint64_t>(fresh);
    place->size = request.new_size;
    engine::Context context = context_of(thread_state, *area.mount);
    if (!cover_pages(*place, place->address, place->first_page, existing_pages(context, *place)))
      return Error(ENOMEM);
  }
  raw_syscall(SYS_munmap, static_cast<int64_t>(request.address),
              static_cast<int64_t>(request.old_size));
  forget_mappings(request.address, request.old_size);
  return static_cast<uint64_t>(fresh);
}

bool mapping_fault(uint64_t address) {
  if (!thread_state.files) return false;
  for (uint32_t i = 0; i < areas_used; i++) {
    const Area& area = areas[i];
    if (!area.size || address < area.address ||
        address >= area.address + base::align_up(area.size, kPage))
      continue;
    if (!enter(thread_state, *area.mount)) return false;
    FilesGuard guard(table_lock);
    engine::Context context = context_of(thread_state, *area.mount);
    uint64_t at = (address - area.address) / kPage, exist = existing_pages(context, area);
    for (uint32_t r = 0; r < runs_used; r++)
      if (runs[r].pages &&
          overlaps(runs[r].address, runs[r].pages * kPage, area.address + at * kPage, kPage))
        return false;
    return at < exist && cover_pages(area, area.address + at * kPage, area.first_page + at, 1);
  }
  return false;
}

}  // namespace bt::posix
