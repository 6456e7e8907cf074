// SPDX-License-Identifier: MIT
// A call's handler with what comes before it, the first look and loaded programs: agent/syscalls.def as code.
#include <sys/syscall.h>

#include "agent/agent.h"
#include "agent/calls.h"
#include "agent/hooked.h"
#include "agent/look.h"
#include "agent/thread_block.h"
#include "hooks/hooks.h"
#include "hooks/quick_call.h"
#include "posix/calls.h"

namespace bt::agent {

static_assert(kPassthrough == posix::kPassthrough && kRestart == posix::kRestart);
static_assert(BT_HANDLER_COUNT <= hooks::kCallsMax);

using Handler = int64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

namespace {

template <uint32_t look, Handler handler>
int64_t plain(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  if (!may_be_ours<look>(a, b, c, d, e)) return kPassthrough;
  return handler(a, b, c, d, e, f);
}

template <int number, uint32_t look, Handler handler>
[[gnu::noinline]] int64_t call_watched(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                       uint64_t f) {
  hooks::Call call;
  call.nr = number;
  call.args[0] = a, call.args[1] = b, call.args[2] = c;
  call.args[3] = d, call.args[4] = e, call.args[5] = f;
  return call_hooked(plain<look, handler>, call);
}

// A call that a program may want to see. Arguments stay in their registers where the program lets them.
template <int number, uint32_t look, Handler handler>
[[gnu::noinline]] int64_t watched(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                  uint64_t f) {
  hooks::Thread* thread = bt_thread.hooks;
  if (const void* entry = hooks::begin_quick(thread, number)) [[likely]] {
    hooks::call_quick(entry, thread, number, a, b, c, d, e, f);
    hooks::end_quick(*thread);
    return plain<look, handler>(a, b, c, d, e, f);
  }
  return call_watched<number, look, handler>(a, b, c, d, e, f);
}

template <int number, uint32_t look, Handler handler>
[[gnu::always_inline]] inline int64_t guarded(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                              uint64_t e, uint64_t f) {
  if (hooks::is_watched(number)) [[unlikely]]
    return watched<number, look, handler>(a, b, c, d, e, f);
  return plain<look, handler>(a, b, c, d, e, f);
}

}  // namespace

// One function a call, by the name under which dispatch_table.S has it in the table that entry.S reads.
#define BT_TEXT_OF(number) #number
#define BT_LABEL(number) "bt_handle_" BT_TEXT_OF(number)
#define BT_SYSCALL(name, look, handler)                                                           \
  BT_HIDDEN int64_t handle_##name(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,               \
                                  uint64_t) asm(BT_LABEL(SYS_##name));                            \
  int64_t handle_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) { \
    return guarded<SYS_##name, (look), bt::handler::call_##name>(a, b, c, d, e, f);               \
  }
#include "agent/syscalls.def"
#undef BT_SYSCALL

}  // namespace bt::agent
