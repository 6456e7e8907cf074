// SPDX-License-Identifier: MIT
#include "agent/patcher.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "agent/agent.h"
#include "agent/stub_writer.h"
#include "base/bytes.h"
#include "base/syscall.h"
#include "hooks/hooks.h"
#include "posix/first_look.h"

extern "C" BT_HIDDEN void bt_entry();
extern "C" BT_HIDDEN void bt_entry_computed();
extern "C" BT_HIDDEN void bt_loader_mmap();
// Read by bt_loader_mmap: the address after the site's `syscall`.
extern "C" BT_HIDDEN uint64_t bt_loader_mmap_after;
uint64_t bt_loader_mmap_after = 0;

namespace bt::agent {
namespace {

using base::raw_syscall;
using base::Site;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kReach =
    0x7f000000;  // of a rel32 jump, less the size of the region and of the library

bool is_error(int64_t address) { return address < 0 && address > -4096; }

bool same_build_id(const uint8_t* a, const uint8_t* b) {
  for (uint32_t i = 0; i < base::kBuildIdSizeBytes; i++)
    if (a[i] != b[i]) return false;
  return true;
}

bool is_wanted(const Site& site, int only_number) {
  return only_number < 0 || site.number == only_number;
}

// The displaced bytes are the expected ones and a `syscall` follows: not another build, not another patcher's work.
bool is_untouched(const Site& site, uint64_t base) {
  auto* code = reinterpret_cast<const uint8_t*>(base + site.syscall);
  if (code[0] != 0x0f || code[1] != 0x05 || site.displaced_size < 2 ||
      site.displaced_size > base::kDisplacedMaxBytes)
    return false;
  for (uint32_t i = 0; i < site.displaced_size; i++)
    if (code[static_cast<int>(i) - site.displaced_size] != site.displaced[i]) return false;
  return true;
}

// Memory for stubs that the library can jump to: usually wherever the kernel puts it, else a little below the library.
uint8_t* allocate_region(uint64_t size, uint64_t base) {
  for (uint64_t step = 0; step < 64; step++) {
    uint64_t hint = step ? base - size - step * (16 << 20) : 0;
    int64_t address = raw_syscall(SYS_mmap, static_cast<int64_t>(hint), static_cast<int64_t>(size),
                                  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is_error(address)) return nullptr;
    auto at = static_cast<uint64_t>(address);
    if ((at > base ? at - base : base - at) < kReach) return reinterpret_cast<uint8_t*>(at);
    raw_syscall(SYS_munmap, address, static_cast<int64_t>(size));
  }
  return nullptr;
}

// What stubs need to know of this process.
void fill_slots(StubSlots& slots) {
  uint64_t thread_pointer;
  asm("mov %%fs:0, %0" : "=r"(thread_pointer));
  slots.entry = reinterpret_cast<uint64_t>(&bt_entry);
  slots.entry_computed = reinterpret_cast<uint64_t>(&bt_entry_computed);
  slots.thread_table_offset = reinterpret_cast<uint64_t>(&posix::thread_table) - thread_pointer;
  slots.first_look = reinterpret_cast<uint64_t>(&posix::first_look);
  slots.loaded_programs = reinterpret_cast<uint64_t>(hooks::loaded_word);
}

}  // namespace

uint32_t patch_library(uint64_t base, const base::SiteTable& table, int only_number) {
  uint32_t wanted = 0;
  uint64_t first = UINT64_MAX, last = 0;
  for (uint32_t i = 0; i < table.header->count; i++) {
    const Site& site = table.sites[i];
    if (!is_wanted(site, only_number)) continue;
    wanted++;
    first = base::min<uint64_t>(first, base + site.syscall);
    last = base::max<uint64_t>(last, base + site.syscall);
  }
  if (!wanted) return 0;
  uint64_t region_size = base::align_up(kSlotsSizeBytes + wanted * kStubSizeMaxBytes, kPage);
  uint8_t* region = allocate_region(region_size, base);
  if (!region) return 0;

  // Padding lies within 200 bytes of its site. Execute stays on, so that a refusal (SELinux, MDWE) comes now.
  first = base::align_down(first - 256, kPage);
  auto size = static_cast<int64_t>(base::align_up(last + 256, kPage) - first);
  auto text = static_cast<int64_t>(first);
  if (raw_syscall(SYS_mprotect, text, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
    raw_syscall(SYS_munmap, reinterpret_cast<int64_t>(region), static_cast<int64_t>(region_size));
    return 0;
  }
  auto region_address = reinterpret_cast<uint64_t>(region);
  fill_slots(*reinterpret_cast<StubSlots*>(region));
  StubWriter writer({region, region_address});
  Code library{reinterpret_cast<uint8_t*>(base), base};
  uint32_t patched = 0;
  for (uint32_t i = 0; i < table.header->count; i++) {
    const Site& site = table.sites[i];
    if (!is_wanted(site, only_number) || !is_untouched(site, base)) continue;
    redirect_site(site, base, library, writer.write(site, base));
    patched++;
  }
  raw_syscall(SYS_mprotect, reinterpret_cast<int64_t>(region), static_cast<int64_t>(region_size),
              PROT_READ | PROT_EXEC);
  raw_syscall(SYS_mprotect, text, size, PROT_READ | PROT_EXEC);
  return patched;
}

namespace {
uint64_t loader_base = 0;  // 0: unknown, or done
constinit base::SiteTable loader_table = {};
}  // namespace

void remember_loader(uint64_t base, const base::SiteTable& table) {
  loader_base = base;
  loader_table = table;
}

namespace {

// ld.so's only mmap, as it mostly is: then its stub is a part of the agent, and no memory is needed.
const Site* only_plain_mmap(uint64_t base) {
  constexpr uint8_t kMovNumber[] = {0xb8, SYS_mmap, 0, 0, 0};
  const Site* found = nullptr;
  for (uint32_t i = 0; i < loader_table.header->count; i++) {
    const Site& site = loader_table.sites[i];
    if (site.number != SYS_mmap) continue;
    if (found || site.padding || site.displaced_size != sizeof kMovNumber) return nullptr;
    for (uint32_t k = 0; k < sizeof kMovNumber; k++)
      if (site.displaced[k] != kMovNumber[k]) return nullptr;
    found = &site;
  }
  auto stub = reinterpret_cast<uint64_t>(&bt_loader_mmap);
  bool in_reach = (stub > base ? stub - base : base - stub) < kReach;
  return found && in_reach && is_untouched(*found, base) ? found : nullptr;
}

}  // namespace

void patch_loader() {
  if (!loader_base) return;
  uint64_t base = loader_base;
  loader_base = 0;
  const Site* site = only_plain_mmap(base);
  if (!site) {
    patch_library(base, loader_table, SYS_mmap);
    return;
  }
  uint64_t first = base::align_down(base + site->syscall - site->displaced_size, kPage);
  uint64_t size = base::align_up(base + site->syscall, kPage) - first;
  auto text = static_cast<int64_t>(first), bytes = static_cast<int64_t>(size);
  if (raw_syscall(SYS_mprotect, text, bytes, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return;
  bt_loader_mmap_after = base + site->syscall + 2;
  redirect_site(*site, base, {reinterpret_cast<uint8_t*>(base), base},
                reinterpret_cast<uint64_t>(&bt_loader_mmap));
  raw_syscall(SYS_mprotect, text, bytes, PROT_READ | PROT_EXEC);
}

namespace {

// Debuggers switch the randomisation of addresses off in what they start. To ask /proc who traces us costs more than all
// the rest of the patching, in every process.
bool may_be_debugged() { return raw_syscall(SYS_personality, 0xffffffff) & ADDR_NO_RANDOMIZE; }

// Whether every OS page of the range is still the file's own: a page that somebody has written to (a debugger's
// breakpoint, another patcher) is an anonymous copy, and mapping over it would lose what they did.
bool is_all_file(uint64_t begin, uint64_t size) {
  constexpr uint64_t kPresent = 1ull << 63, kFilePage = 1ull << 61;
  int64_t fd =
      raw_syscall(SYS_open, base::raw_argument("/proc/self/pagemap"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  uint64_t entries[512];
  bool good = true;
  for (uint64_t page = begin / kPage, end = (begin + size) / kPage; good && page < end;) {
    uint64_t count = base::min<uint64_t>(end - page, 512);
    auto bytes = static_cast<int64_t>(count * 8);
    good = raw_syscall(SYS_pread64, fd, base::raw_argument(entries), bytes,
                       static_cast<int64_t>(page * 8)) == bytes;
    for (uint64_t i = 0; good && i < count; i++)
      good = !(entries[i] & kPresent) || (entries[i] & kFilePage);
    page += count;
  }
  raw_syscall(SYS_close, fd);
  return good;
}

}  // namespace

bool reserve_image(uint64_t base, const base::SiteTable& table) {
  return table.image &&
         !is_error(raw_syscall(SYS_mmap, static_cast<int64_t>(base - base::kImageDistance),
                               table.image->stubs_size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                               -1, 0));
}

void release_image(uint64_t base, const base::SiteTable& table) {
  raw_syscall(SYS_munmap, static_cast<int64_t>(base - base::kImageDistance),
              table.image->stubs_size);
}

namespace {

// Made by this build, for this library.
bool is_image_of(const base::SiteTable& table, int64_t fd) {
  StubSlots slots;
  return raw_syscall(SYS_pread64, fd, base::raw_argument(&slots), sizeof slots,
                     table.image->stubs_offset) == sizeof slots &&
         slots.fingerprint == stub_fingerprint() &&
         same_build_id(slots.build_id, table.header->build_id);
}

// Private to the file from `offset` on, to read and execute.
bool map_code(uint64_t at, uint64_t size, int64_t fd, uint64_t offset) {
  return !is_error(raw_syscall(SYS_mmap, static_cast<int64_t>(at), static_cast<int64_t>(size),
                               PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
                               static_cast<int64_t>(offset)));
}

}  // namespace

// The slots stay in the reserved memory, which is fresh: a page of the file that is written to costs twice that.
bool map_image(uint64_t base, const base::SiteTable& table, int64_t fd) {
  const base::SiteImage& image = *table.image;
  if (may_be_debugged() && !is_all_file(base + image.text_begin, image.text_size)) return false;
  if (!is_image_of(table, fd)) return false;
  uint64_t region = base - base::kImageDistance;
  fill_slots(*reinterpret_cast<StubSlots*>(region));
  return map_code(region + kSlotsSizeBytes, image.stubs_size - kSlotsSizeBytes, fd,
                  image.stubs_offset + kSlotsSizeBytes) &&
         map_code(base + image.text_begin, image.text_size, fd, image.text_offset);
}

}  // namespace bt::agent
