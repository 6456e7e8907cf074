// SPDX-License-Identifier: MIT
#include "agent/look.h"

#include <sys/syscall.h>

#include "agent/thread_block.h"

namespace bt::agent {
namespace {

struct LookTable {
  uint16_t rows[BT_HANDLER_COUNT];
};
constexpr LookTable make_looks() {
  LookTable table = {};
#define BT_SYSCALL(name, look, handler) table.rows[SYS_##name] = (look);
#include "agent/syscalls.def"
#undef BT_SYSCALL
  return table;
}
constexpr LookTable kLooks = make_looks();

}  // namespace

uint32_t look_of(int number) {
  return number >= 0 && number < BT_HANDLER_COUNT ? kLooks.rows[number] : 0;
}

}  // namespace bt::agent
