// SPDX-License-Identifier: MIT
// The table by which entry.S finds a call's handler (dispatch.cc): one row a number, the handler's distance from the
// table, 0 where a call is not intercepted. Distances, because ld.so would have to write addresses into it at every start.
#include <sys/syscall.h>

#include "agent/thread_block.h"

  .macro has_handler number
  .equiv .Lbt_has_\number, 1
  .endm
#define BT_SYSCALL(name, look, handler) has_handler SYS_##name
#include "agent/syscalls.def"
#undef BT_SYSCALL

  .altmacro
  .macro row number
  .ifdef .Lbt_has_\number
  .long bt_handle_\number - bt_handlers
  .else
  .long 0
  .endif
  .endm

  .section .rodata
  .globl bt_handlers
  .hidden bt_handlers
  .type bt_handlers,@object
  .p2align 6
bt_handlers:
  .set .Lnumber, 0
  .rept BT_HANDLER_COUNT
  row %.Lnumber
  .set .Lnumber, .Lnumber + 1
  .endr
  .size bt_handlers, . - bt_handlers

  .section .note.GNU-stack,"",@progbits
