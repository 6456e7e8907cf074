// SPDX-License-Identifier: MIT
#include "agent/late.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/agent.h"
#include "agent/calls.h"
#include "agent/libraries.h"
#include "agent/patcher.h"
#include "agent/site_tables.h"
#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/calls.h"

namespace bt::agent {

using base::raw_syscall;

// ld.so maps a library's first segment, file offset 0, over the whole range and then each other segment into it with
// MAP_FIXED: so the ELF header is at text − offset when segments lie in memory as in the file. If they do not, the bytes
// there are not an ELF header with our build-id, or the sites' bytes differ, and nothing happens.
void patch_late_library(uint64_t text, uint64_t offset) {
  uint64_t base = text - offset;
  uint32_t magic;
  if (!base::load_user_u32(reinterpret_cast<void*>(base), magic) || magic != 0x464c457f) return;
  const uint8_t* build_id = build_id_at(base);
  base::SiteTable table;
  if (!build_id || !find_site_table(build_id, table)) return;
  if (text > base + table.header->text_begin) return;
  patch_library(base, table, -1);
}

int64_t call_mmap(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  int64_t result = posix::call_mmap(a, b, c, d, e, f);
  bool is_text =
      (c & PROT_EXEC) && !(c & PROT_WRITE) && (d & MAP_FIXED) && !(d & MAP_ANONYMOUS) && f != 0;
  if (!is_text) return result;
  if (result == kPassthrough)
    result = raw_syscall(SYS_mmap, static_cast<int64_t>(a), static_cast<int64_t>(b),
                         static_cast<int64_t>(c), static_cast<int64_t>(d), static_cast<int64_t>(e),
                         static_cast<int64_t>(f));
  if (result > 0 || result < -4095) patch_late_library(static_cast<uint64_t>(result), f);
  return result;
}

}  // namespace bt::agent
