// SPDX-License-Identifier: MIT
#include "hooks/clock.h"

#include <asm/unistd.h>
#include <elf.h>
#include <fcntl.h>

#include <atomic>

#include "base/syscall.h"

namespace bt::hooks {
namespace {

using base::raw_argument;
using base::raw_syscall;

struct Timespec {
  int64_t seconds, nanoseconds;
};
using ClockGettime = int (*)(int, Timespec*);
std::atomic<ClockGettime> vdso_clock{nullptr};

uint64_t vdso_base() {
  int64_t fd =
      raw_syscall(__NR_openat, AT_FDCWD, raw_argument("/proc/self/auxv"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  Elf64_auxv_t vector[64];
  int64_t size = raw_syscall(__NR_read, fd, raw_argument(vector), sizeof vector);
  raw_syscall(__NR_close, fd);
  for (int64_t i = 0; i < size / static_cast<int64_t>(sizeof vector[0]); i++)
    if (vector[i].a_type == AT_SYSINFO_EHDR) return vector[i].a_un.a_val;
  return 0;
}

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

// The vDSO is the kernel's own page, so its tables are trusted.
ClockGettime find_symbol(uint64_t base, const char* name) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  auto* segments = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  const Elf64_Dyn* dynamic = nullptr;
  for (int i = 0; i < header->e_phnum; i++)
    if (segments[i].p_type == PT_DYNAMIC)
      dynamic = reinterpret_cast<const Elf64_Dyn*>(base + segments[i].p_offset);
  const Elf64_Sym* symbols = nullptr;
  const char* strings = nullptr;
  for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_SYMTAB)
      symbols = reinterpret_cast<const Elf64_Sym*>(base + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB)
      strings = reinterpret_cast<const char*>(base + dynamic->d_un.d_ptr);
  }
  // The string table follows the symbol table, which bounds it without a hash table.
  auto* end = reinterpret_cast<const Elf64_Sym*>(strings);
  if (!symbols || !strings || end < symbols || end - symbols > 256) return nullptr;
  for (const Elf64_Sym* symbol = symbols; symbol + 1 <= end; symbol++)
    if (symbol->st_shndx && equal(strings + symbol->st_name, name))
      return reinterpret_cast<ClockGettime>(base + symbol->st_value);
  return nullptr;
}

}  // namespace

void clock_init() {
  if (vdso_clock.load(std::memory_order_relaxed)) return;
  if (uint64_t base = vdso_base())
    vdso_clock.store(find_symbol(base, "__vdso_clock_gettime"), std::memory_order_relaxed);
}

uint64_t clock_ns(int id) {
  Timespec now{};
  ClockGettime call = vdso_clock.load(std::memory_order_relaxed);
  if (!call || call(id, &now) != 0) raw_syscall(__NR_clock_gettime, id, raw_argument(&now));
  return static_cast<uint64_t>(now.seconds) * 1'000'000'000 +
         static_cast<uint64_t>(now.nanoseconds);
}

}  // namespace bt::hooks
