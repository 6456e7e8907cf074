// SPDX-License-Identifier: MIT
// Where ld.so enters the agent: after relocation, before any other code of the program's libraries (-z initfirst), with
// one thread. Attaches to the volumes and, if there is one, patches libc and ld.so.
#include <link.h>
#include <sys/syscall.h>

#include "agent/agent.h"
#include "agent/environment.h"
#include "agent/hooked.h"
#include "agent/libraries.h"
#include "agent/patcher.h"
#include "agent/signals.h"
#include "agent/site_tables.h"
#include "base/bytes.h"
#include "base/syscall.h"
#include "posix/process.h"

namespace bt::agent {
namespace {

using base::raw_syscall;

constexpr uint64_t kRrPage = 0x70000000;

// valgrind runs the program in a translator of its own, rr replays it: both must see the original code.
bool is_under_translator(char** environment) {
  if (const char* preload = find_variable(environment, "LD_PRELOAD=")) {
    constexpr base::Text kValgrind = base::text_of("vgpreload_");
    for (const char* at = preload; *at; at++) {
      uint32_t i = 0;
      while (i < kValgrind.size && at[i] == kValgrind[i]) i++;
      if (i == kValgrind.size) return true;
    }
  }
  unsigned char residency;
  return raw_syscall(SYS_mincore, kRrPage, 4096, base::raw_argument(&residency)) == 0;
}

bool map_patched_copy(uint64_t base, const base::SiteTable& table) {
  int64_t fd = open_site_image(table, agent_path());
  if (fd < 0) return false;
  bool mapped = map_image(base, table, fd);
  raw_syscall(SYS_close, fd);
  return mapped;
}

void patch_libraries(link_map* first, char** environment) {
  set_site_cache(find_variable(environment, "BTFUSE_SITES="));
  for (link_map* library = first; library; library = library->l_next) {
    if (!library->l_addr) continue;
    const uint8_t* build_id = build_id_at(library->l_addr);
    base::SiteTable table;
    if (!build_id || !find_site_table(build_id, table)) continue;
    // ld.so loads libraries by the kernel path; only its mmap is of interest, to see them arrive.
    if (is_dynamic_loader(library))
      patch_library(library->l_addr, table, SYS_mmap);
    else if (!map_patched_copy(library->l_addr, table))
      patch_library(library->l_addr, table, -1);
  }
}

void start(char** environment) {
  const char* disabled = find_variable(environment, "BTFUSE_DISABLE=");
  if ((disabled && disabled[0] == '1') || is_under_translator(environment)) return;
  remember_environment(environment);
  link_map* first = first_library(environment);
  if (!first) return;
  make_way_for_sanitizer(first);
  if (!posix::attach_process(environment)) return;
  install_fault_handlers();
  start_hooks(environment);
  patch_libraries(first, environment);
}

}  // namespace
}  // namespace bt::agent

extern "C" __attribute__((constructor, visibility("hidden"))) void bt_start(int, char**,
                                                                            char** environment) {
  bt::agent::start(environment);
}
