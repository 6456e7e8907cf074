// SPDX-License-Identifier: MIT
#include "origin/keeper.h"

#include <gtest/gtest.h>

namespace bt::origin {
namespace {

Settings between(uint64_t min, uint64_t max) {
  Settings settings;
  settings.cache_min = min;
  settings.cache_max = max;
  return settings;
}

TEST(Keeper, budget_shrinks_under_pressure_down_to_the_minimum) {
  Settings settings = between(100 << 20, 1000 << 20);
  Memory pressed{10ull << 30, 100 << 20};
  uint64_t budget = next_budget(1000 << 20, pressed, settings);
  EXPECT_EQ(budget, 800u << 20);
  for (int i = 0; i < 20; i++) budget = next_budget(budget, pressed, settings);
  EXPECT_EQ(budget, settings.cache_min);
}

TEST(Keeper, budget_grows_again_up_to_the_maximum) {
  Settings settings = between(100 << 20, 1000 << 20);
  Memory free{10ull << 30, 8ull << 30};
  uint64_t budget = settings.cache_min;
  for (int i = 0; i < 40; i++) {
    uint64_t next = next_budget(budget, free, settings);
    EXPECT_GE(next, budget);
    budget = next;
  }
  EXPECT_EQ(budget, settings.cache_max);
}

TEST(Keeper, the_machine_says_how_much_memory_it_has) {
  Memory memory = read_memory();
  EXPECT_GT(memory.total, 64u << 20);
  EXPECT_LE(memory.available, memory.total);
}

}  // namespace
}  // namespace bt::origin
