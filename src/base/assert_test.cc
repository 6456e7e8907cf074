// SPDX-License-Identifier: MIT
#include "base/assert.h"

#include <gtest/gtest.h>

namespace bt::base {
namespace {
int failures = 0;

TEST(Assert, failure_calls_the_handler_and_poisons_the_process) {
  assertion_handler = [](const char*, const char*, uint32_t) { failures++; };
  BT_ASSERT(1 + 1 == 2);
  EXPECT_FALSE(is_poisoned());
  BT_ASSERT(1 + 1 == 3);
  EXPECT_EQ(failures, 1);
  EXPECT_TRUE(is_poisoned());
}
}  // namespace
}  // namespace bt::base
