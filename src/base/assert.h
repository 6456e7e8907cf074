// SPDX-License-Identifier: MIT
// Assertions about our own, private state; kept in release builds. Nonsense in shared memory is input, not an assertion
// (engine BT_DAMAGED).
//
// A program of ours aborts. Inside somebody else's process the session is poisoned instead: every later change of a
// volume is refused with EIO (error::session_poisoned), reads may go on, and nobody's program is killed by us.
#pragma once

#include <cstdint>

namespace bt::base {

// Programs of ours set it first thing, to something that prints and aborts. Null INSIDE.
using AssertionHandler = void (*)(const char* expression, const char* file, uint32_t line);
extern AssertionHandler assertion_handler;

// 0, or the line of the first assertion that failed.
extern uint32_t poisoned_line;
inline bool is_poisoned() { return __atomic_load_n(&poisoned_line, __ATOMIC_RELAXED) != 0; }

void assertion_failed(const char* expression, const char* file, uint32_t line);

}  // namespace bt::base

// Execution goes on after it: what follows must be harmless all the same.
#define BT_ASSERT(condition)                                        \
  do {                                                              \
    if (!(condition)) [[unlikely]]                                  \
      ::bt::base::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (0)

// For checks that only a debug build can pay for.
#ifdef BT_DEBUG
#define BT_DEBUG_ASSERT(condition) BT_ASSERT(condition)
#else
#define BT_DEBUG_ASSERT(condition) \
  do {                             \
  } while (0)
#endif
