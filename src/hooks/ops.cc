// SPDX-License-Identifier: MIT
#include <asm/unistd.h>

#include "hooks/runtime.h"

namespace bt::hooks {
namespace {

enum Op : uint16_t {
#define BT_OP(name) kOp_##name,
#include "hooks/ops.def"
};

struct Table {
  OpCall rows[kSyscallsMax];
};

constexpr Table build() {
  Table table;
#define BT_OP_CALL(op, call, path, fd) table.rows[__NR_##call] = {kOp_##op, {path, -1}, {fd, -1}};
#include "hooks/ops.def"
#define BT_OP_SECOND(call, path, fd)               \
  table.rows[__NR_##call].path_argument[1] = path; \
  table.rows[__NR_##call].fd_argument[1] = fd;
#include "hooks/ops.def"
  return table;
}
constexpr Table kTable = build();

}  // namespace

OpCall op_call(int64_t nr) { return nr >= 0 && nr < kSyscallsMax ? kTable.rows[nr] : OpCall{}; }
uint32_t op_of_call(int64_t nr) { return op_call(nr).op; }

}  // namespace bt::hooks
