// SPDX-License-Identifier: MIT
#include "agent/patcher.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/stub_writer.h"
#include "base/bytes.h"
#include "base/syscall.h"

namespace bt::agent {
namespace {

using base::raw_syscall;
using base::Site;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kReach =
    0x7f000000;  // of a rel32 jump, less the size of the region and of the library

bool is_error(int64_t address) { return address < 0 && address > -4096; }

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

void write_jump32(uint64_t at, uint64_t target) {
  auto* code = reinterpret_cast<uint8_t*>(at);
  auto distance = static_cast<uint32_t>(target - at - 5);
  code[0] = 0xe9;
  for (int i = 0; i < 4; i++) code[1 + i] = static_cast<uint8_t>(distance >> (8 * i));
}

void redirect(const Site& site, uint64_t base, const uint8_t* stub) {
  uint64_t from = base + site.syscall - site.displaced_size;
  auto target = reinterpret_cast<uint64_t>(stub);
  if (!site.padding) {
    write_jump32(from, target);
    return;
  }
  write_jump32(base + site.padding, target);
  auto* code = reinterpret_cast<uint8_t*>(from);
  code[0] = 0xeb;
  code[1] = static_cast<uint8_t>(base + site.padding - from - 2);
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
  uint64_t region_size = base::align_up(kRegionHeaderBytes + wanted * kStubSizeMaxBytes, kPage);
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
  StubWriter writer(region);
  uint32_t patched = 0;
  for (uint32_t i = 0; i < table.header->count; i++) {
    const Site& site = table.sites[i];
    if (!is_wanted(site, only_number) || !is_untouched(site, base)) continue;
    redirect(site, base, writer.write(site, base));
    patched++;
  }
  raw_syscall(SYS_mprotect, reinterpret_cast<int64_t>(region), static_cast<int64_t>(region_size),
              PROT_READ | PROT_EXEC);
  raw_syscall(SYS_mprotect, text, size, PROT_READ | PROT_EXEC);
  return patched;
}

}  // namespace bt::agent
