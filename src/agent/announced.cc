// SPDX-License-Identifier: MIT
// The first look of calls while no volume is mapped (posix/announce.h).
#include "agent/look.h"
#include "agent/patcher.h"
#include "agent/thread_block.h"
#include "posix/announce.h"
#include "posix/process.h"

namespace bt::agent {
namespace {

bool names_announced(uint32_t look, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  auto path = [](uint64_t at) {
    return posix::path_may_be_announced(reinterpret_cast<const char*>(at));
  };
  auto at_path = [](uint64_t directory, uint64_t at) {
    return posix::at_path_may_be_announced(static_cast<int32_t>(directory),
                                           reinterpret_cast<const char*>(at));
  };
  return ((look & kPath0) && path(a)) || ((look & kPath1) && path(b)) ||
         ((look & kAt0) && at_path(a, b)) || ((look & kAt1) && at_path(b, c)) ||
         ((look & kAt2) && at_path(c, d));
}

}  // namespace

bool attach_now() {
  // A vfork child: its descriptors and its directory are not those that are kept count of in this memory.
  if (bt_thread.area->in_vfork_child) return false;
  if (!posix::attach_announced()) return false;
  patch_loader();
  return true;
}

bool concerns_announced(uint32_t look, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  if (look & kServing) return !bt_thread.area->in_vfork_child;
  if (!(look & kAttaches) && !names_announced(look, a, b, c, d)) return false;
  return attach_now();
}

}  // namespace bt::agent
