// SPDX-License-Identifier: MIT
#include "base/assert.h"

namespace bt::base {

AssertionHandler assertion_handler = nullptr;
uint32_t poisoned_line = 0;

void assertion_failed(const char* expression, const char* file, uint32_t line) {
  if (assertion_handler) assertion_handler(expression, file, line);
  uint32_t none = 0;
  __atomic_compare_exchange_n(&poisoned_line, &none, line, false, __ATOMIC_RELAXED,
                              __ATOMIC_RELAXED);
}

}  // namespace bt::base
