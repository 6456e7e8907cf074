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
#include "agent/site_tables.h"
#include "base/bytes.h"
#include "base/syscall.h"
#include "posix/first_look.h"
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

// A library that can be patched.
struct Patchable {
  uint64_t base;
  base::SiteTable table;
  bool is_loader;
  bool reserved;  // the place of its image's stubs
};
// libc, ld.so, and those that the cache has tables of; more are left alone.
constexpr uint32_t kPatchableMax = 16;

uint32_t find_patchable(link_map* first, Patchable* found) {
  uint32_t count = 0;
  for (link_map* library = first; library && count < kPatchableMax; library = library->l_next) {
    if (!library->l_addr) continue;
    const uint8_t* build_id = build_id_at(library->l_addr);
    Patchable& next = found[count];
    if (!build_id || !find_site_table(build_id, next.table)) continue;
    next.base = library->l_addr;
    next.is_loader = is_dynamic_loader(library);
    next.reserved = reserve_image(next.base, next.table);
    count++;
  }
  return count;
}

bool map_patched_copy(const Patchable& library) {
  if (!library.reserved) return false;
  int64_t fd = open_site_image(library.table, agent_path());
  bool mapped = fd >= 0 && map_image(library.base, library.table, fd);
  if (fd >= 0) raw_syscall(SYS_close, fd);
  if (!mapped) release_image(library.base, library.table);
  return mapped;
}

void patch(const Patchable& library) {
  if (library.is_loader)
    remember_loader(library.base, library.table);
  else if (!map_patched_copy(library))
    patch_library(library.base, library.table, -1);
}

void start(char** environment) {
  const char* disabled = find_variable(environment, "BTFUSE_DISABLE=");
  if ((disabled && disabled[0] == '1') || is_under_translator(environment)) return;
  const uint32_t inherited = take_claim_mark(environment);
  remember_environment(environment);
  link_map* first = first_library(environment);
  if (!first) return;
  make_way_for_sanitizer(first);
  bool has_cache = set_site_cache(find_variable(environment, "BTFUSE_SITES="));
  Patchable libraries[kPatchableMax];
  uint32_t count = find_patchable(first, libraries);
  if (posix::attach_process(environment, inherited)) {
    start_hooks(environment);
    for (uint32_t i = 0; i < count; i++) patch(libraries[i]);
    if (has_cache) patch_loader();
  } else {
    for (uint32_t i = 0; i < count; i++)
      if (libraries[i].reserved) release_image(libraries[i].base, libraries[i].table);
  }
}

}  // namespace
}  // namespace bt::agent

extern "C" __attribute__((constructor, visibility("hidden"))) void bt_start(int, char**,
                                                                            char** environment) {
  bt::agent::start(environment);
}
