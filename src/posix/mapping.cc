// SPDX-License-Identifier: MIT
#include "posix/mapping.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "base/syscall.h"
#include "engine/kernel_pages.h"
#include "posix/mapped_ranges.h"
#include "registry/reader.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

// More than this in one mapping would take too long to pin: the kernel's page cache is the better way.
constexpr uint64_t kPagesAtOnce = 65536;
// A fault brings its neighbours along.
constexpr uint64_t kPagesPerFault = 32;

int64_t word(uint64_t value) { return static_cast<int64_t>(value); }

// The volume's memory, opened anew for the length of one call.
class VolumeMemory {
 public:
  VolumeMemory(const Mount& mount, bool read_only) {
    if (!mount.record) return;
    auto opened = registry::open_volume(*mount.record, read_only);
    if (opened) fd_ = *opened;
  }
  ~VolumeMemory() {
    if (fd_ >= 0) raw_syscall(SYS_close, fd_);
  }
  VolumeMemory(const VolumeMemory&) = delete;
  VolumeMemory& operator=(const VolumeMemory&) = delete;
  explicit operator bool() const { return fd_ >= 0; }

  Result<uint64_t> map(Range at, int32_t protection, int32_t flags, uint64_t offset) const {
    BT_TRY_ASSIGN(int64_t address,
                  from_kernel(raw_syscall(SYS_mmap, word(at.begin), word(at.size()), protection,
                                          flags, fd_, word(offset))));
    return static_cast<uint64_t>(address);
  }

 private:
  int64_t fd_ = -1;
};

uint64_t end_of_volume(const Mount& mount) {
  return base::align_up(mount.record->volume_size, kMapPage);
}

// Every access to the range raises SIGBUS from here on.
Result<void> map_nothing(const Area& area, const VolumeMemory& memory, Range at) {
  BT_TRY(memory.map(at, area.protection, area.kind | MAP_FIXED, end_of_volume(*area.mount)));
  return {};
}

void unpin(const Run& run) {
  ThreadState& self = thread_state;
  if (!enter(self, *run.mount)) return;
  engine::Context context = context_of(self, *run.mount);
  // Newest first, as they are found.
  for (uint32_t i = run.pages; i-- > 0;)
    (void)engine::unpin_page(context, engine::PageIndex{format::raw(run.first) + i});
}

bool cover(const Area& area, const VolumeMemory& memory, const Run& run) {
  auto offset =
      static_cast<uint64_t>(area.mount->volume.page(run.first) - area.mount->volume.base());
  return memory.map(run.at(), area.protection, area.kind | MAP_FIXED, offset).has_value();
}

// Pins pages of the file from `page` on that lie side by side in the volume; none: there is no (room for a) page.
Run pin_run(const Area& area, uint64_t address, uint64_t page, uint64_t most) {
  engine::Context context = context_of(thread_state, *area.mount);
  Run run = {address, 0, {}, area.mount};
  while (run.pages < most) {
    auto pinned = engine::pin_page(context, area.inode, page + run.pages, true);
    if (!pinned || *pinned == engine::PageIndex::kNone) break;
    if (run.pages && format::raw(*pinned) != format::raw(run.first) + run.pages) {
      (void)engine::unpin_page(context, *pinned);
      break;
    }
    if (!run.pages) run.first = *pinned;
    run.pages++;
  }
  return run;
}

// Covers the addresses with the file's pages as far as there are any. ENOMEM: too many pieces, or the kernel refused.
Result<void> cover_pages(const Area& area, const VolumeMemory& memory, Range at) {
  for (uint64_t address = at.begin; address < at.end;) {
    Run run = pin_run(area, address, area.page_at(address), (at.end - address) / kMapPage);
    if (!run.pages) return {};
    Run* place = mapped_ranges.new_run();
    if (!place || !cover(area, memory, run)) {
      unpin(run);
      return Error(ENOMEM);
    }
    *place = run;
    address = run.at().end;
  }
  return {};
}

// The part of the area that lies within the file.
Range existing_part(const Area& area) {
  engine::Context context = context_of(thread_state, *area.mount);
  engine::Attributes attributes;
  uint64_t pages = 0;
  if (engine::read_attributes(context, area.inode, attributes))
    pages = base::divide_up(attributes.size, kMapPage);
  if (pages <= area.first_page) return {area.at.begin, area.at.begin};
  return area.at.common({area.at.begin, area.address_of(pages)});
}

// Takes what lies between the ends out of the records; split_at has made the ends borders.
void forget_between(Range range) {
  MappedRanges& all = mapped_ranges;
  for (uint32_t i = all.runs_used; i-- > 0;) {
    Run& run = all.runs[i];
    if (!run.pages || !run.at().overlaps(range)) continue;
    unpin(run);
    run.pages = 0;
  }
  while (all.runs_used && !all.runs[all.runs_used - 1].pages) all.runs_used--;
  for (uint32_t i = 0; i < all.areas_used; i++)
    if (all.areas[i].at.overlaps(range)) all.areas[i].at = {};
}

// Without room for a border, what lies on both sides goes too: its pages stay mapped, but no longer follow the file.
void forget_replaced(Range range) {
  (void)mapped_ranges.split_at(range);
  forget_between(range);
}

bool may_be_volume_pages(const OpenFile& file, const MapRequest& request) {
  // A vfork child would map into its parent's memory what is pinned for itself.
  return !(request.protection & PROT_EXEC) && file.mount->record && file.mount->source.root < 0 &&
         !file.self->vfork_frame;
}

}  // namespace

Result<uint64_t> map_volume_pages(const OpenFile& file, const MapRequest& request) {
  if (!may_be_volume_pages(file, request) ||
      engine::is_left_to_kernel(file.context(), file.inode, format::kInodeKernelPages))
    return pass(Way::k_passed_unsupported);
  bool is_private = (request.flags & MAP_TYPE) == MAP_PRIVATE;
  bool read_only = !is_private && !file.is_writable();
  VolumeMemory memory(*file.mount, read_only);
  if (!memory) return pass(Way::k_passed_unsupported);
  FilesGuard guard(mapped_ranges.lock);
  if (!mapped_ranges.new_area()) return pass(Way::k_passed_unsupported);
  int32_t kind =
      (is_private ? MAP_PRIVATE : MAP_SHARED) | (request.flags & (MAP_NORESERVE | MAP_LOCKED));
  Area made = {page_range(0, request.size),
               request.offset / kMapPage,
               file.inode,
               file.mount,
               request.protection,
               kind,
               read_only};
  if (existing_part(made).size() > kPagesAtOnce * kMapPage) return pass(Way::k_passed_unsupported);
  Range asked = {request.address, request.address + request.size};
  BT_TRY_ASSIGN(made.at.begin,
                memory.map(asked, request.protection, request.flags, end_of_volume(*file.mount)));
  made.at = page_range(made.at.begin, request.size);
  if (request.flags & MAP_FIXED) forget_replaced(made.at);
  Area* area = mapped_ranges.new_area();
  if (area) *area = made;
  if (area && cover_pages(made, memory, existing_part(made))) return made.at.begin;
  // Too scattered. With MAP_FIXED what was there is gone already, and the kernel's mapping takes its place.
  forget_between(made.at);
  if (!(request.flags & MAP_FIXED))
    raw_syscall(SYS_munmap, word(made.at.begin), word(made.at.size()));
  return pass(Way::k_passed_unsupported);
}

bool any_mapping_in(uint64_t address, uint64_t size) {
  return mapped_ranges.any_in(page_range(address, size));
}

void forget_mappings(uint64_t address, uint64_t size) {
  Range range = page_range(address, size);
  if (!mapped_ranges.any_in(range)) return;
  FilesGuard guard(mapped_ranges.lock);
  forget_replaced(range);
}

void drop_file_pages(Mount& mount, engine::InodeNumber inode, uint64_t first_page,
                     uint64_t end_page) {
  MappedRanges& all = mapped_ranges;
  if (!__atomic_load_n(&all.areas_used, __ATOMIC_RELAXED)) [[likely]]
    return;
  FilesGuard guard(all.lock);
  for (uint32_t i = 0; i < all.areas_used; i++) {
    Area area = all.areas[i];
    if (area.at.is_empty() || area.mount != &mount || area.inode.value != inode.value) continue;
    uint64_t last = area.first_page + area.at.size() / kMapPage;
    uint64_t from = base::max(first_page, area.first_page), to = base::min(end_page, last);
    if (from >= to) continue;
    Range gone = {area.address_of(from), area.address_of(to)};
    VolumeMemory memory(mount, area.read_only);
    if (!memory || !map_nothing(area, memory, gone) || !all.split_at(gone)) continue;
    // The area itself goes on: the file may grow again.
    forget_between(gone);
    if (Area* rest = all.new_area()) {
      *rest = area;
      rest->first_page = from;
      rest->at = gone;
    }
  }
}

namespace {

// Room behind the area, if the addresses there are free.
bool grow_in_place(Area& area, const VolumeMemory& memory, uint64_t size) {
  Range more = {area.at.end, area.at.begin + size};
  if (!memory.map(more, area.protection, area.kind | MAP_FIXED_NOREPLACE,
                  end_of_volume(*area.mount)))
    return false;
  area.at.end = more.end;
  return true;
}

// Moves the pages, with what a private mapping has made of them, to a new place; the area goes along.
Result<void> move_area(Area& area, const VolumeMemory& memory, const RemapRequest& request,
                       uint64_t size) {
  int32_t fixed = request.flags & MREMAP_FIXED ? MAP_FIXED : 0;
  BT_TRY_ASSIGN(uint64_t place,
                memory.map({request.new_address, request.new_address + size}, area.protection,
                           area.kind | fixed, end_of_volume(*area.mount)));
  Range old = area.at;
  for (uint32_t i = 0; i < mapped_ranges.runs_used; i++) {
    Run& run = mapped_ranges.runs[i];
    if (!run.pages || !run.at().overlaps(old)) continue;
    uint64_t to = place + (run.address - old.begin);
    auto bytes = word(run.at().size());
    BT_TRY(from_kernel(raw_syscall(SYS_mremap, word(run.address), bytes, bytes,
                                   MREMAP_MAYMOVE | MREMAP_FIXED, word(to))));
    run.address = to;
  }
  raw_syscall(SYS_munmap, word(old.begin), word(old.size()));
  area.at = {place, place + size};
  return {};
}

}  // namespace

Result<uint64_t> remap_volume_pages(const RemapRequest& request) {
  constexpr uint32_t kKnown = MREMAP_MAYMOVE | MREMAP_FIXED;
  uint64_t old_size = base::align_up(request.old_size, kMapPage);
  uint64_t new_size = base::align_up(request.new_size, kMapPage);
  bool fixed = request.flags & MREMAP_FIXED;
  if ((request.flags & ~kKnown) || (fixed && !(request.flags & MREMAP_MAYMOVE)) || !new_size ||
      !old_size || request.address % kMapPage || (fixed && request.new_address % kMapPage))
    return Error(EINVAL);
  Range old = {request.address, request.address + old_size};
  if (fixed) {
    if (Range{request.new_address, request.new_address + new_size}.overlaps(old))
      return Error(EINVAL);
    forget_mappings(request.new_address, new_size);
  }
  if (new_size < old_size) {
    raw_syscall(SYS_munmap, word(old.begin + new_size), word(old_size - new_size));
    forget_mappings(old.begin + new_size, old_size - new_size);
    old.end = old.begin + new_size;
  }
  if (new_size == old.size() && !fixed) return request.address;
  FilesGuard guard(mapped_ranges.lock);
  BT_TRY(mapped_ranges.split_at(old));
  Area* area = mapped_ranges.area_at(old.begin);
  if (!area || area->at.end != old.end) return Error(EFAULT);
  BT_TRY(enter(thread_state, *area->mount));
  VolumeMemory memory(*area->mount, area->read_only);
  if (!memory) return Error(ENOMEM);
  if (fixed || !grow_in_place(*area, memory, new_size)) {
    if (!(request.flags & MREMAP_MAYMOVE)) return Error(ENOMEM);
    RemapRequest move = request;
    if (!fixed) move.new_address = 0;
    BT_TRY(move_area(*area, memory, move, new_size));
  }
  Range fresh = {area->at.begin + old.size(), area->at.end};
  (void)cover_pages(*area, memory, existing_part(*area).common(fresh));
  return area->at.begin;
}

Result<void> protect_volume_pages(uint64_t address, uint64_t size, int32_t protection) {
  Range range = page_range(address, size);
  FilesGuard guard(mapped_ranges.lock);
  BT_TRY(mapped_ranges.split_at(range));
  BT_TRY(from_kernel(raw_syscall(SYS_mprotect, word(address), word(size), protection)));
  for (uint32_t i = 0; i < mapped_ranges.areas_used; i++)
    if (mapped_ranges.areas[i].at.overlaps(range)) mapped_ranges.areas[i].protection = protection;
  return {};
}

bool mapping_fault(uint64_t address) {
  MappedRanges& all = mapped_ranges;
  if (!thread_state.files || !all.any_in({address, address + 1})) return false;
  FilesGuard guard(all.lock);
  Area* area = all.area_at(address);
  if (!area || !enter(thread_state, *area->mount)) return false;
  uint64_t begin = base::align_down(address, kMapPage);
  Range missing = existing_part(*area).common({begin, begin + kPagesPerFault * kMapPage});
  for (uint32_t i = 0; i < all.runs_used; i++) {
    const Run& run = all.runs[i];
    if (!run.pages) continue;
    if (run.at().holds(begin)) return false;
    if (missing.holds(run.address)) missing.end = run.address;
  }
  if (missing.is_empty()) return false;
  VolumeMemory memory(*area->mount, area->read_only);
  uint32_t before = all.runs_used;
  return memory && cover_pages(*area, memory, missing) && all.runs_used > before;
}

}  // namespace bt::posix
