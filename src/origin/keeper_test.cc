// SPDX-License-Identifier: MIT
#include "origin/keeper.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

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
  Memory pressed{10ull << 30, 1000 << 20, 0};
  uint64_t budget = next_budget(1000 << 20, 1000 << 20, pressed, settings);
  EXPECT_EQ(budget, 800u << 20);
  for (int i = 0; i < 20; i++) budget = next_budget(budget, budget, pressed, settings);
  EXPECT_EQ(budget, settings.cache_min);
}

TEST(Keeper, what_is_missing_is_given_at_once) {
  Settings settings = between(10 << 20, 1000 << 20);
  // A limit of 400 MiB was set while 900 are in use, 800 of them ours.
  Memory lowered{400 << 20, 0, 500 << 20};
  EXPECT_EQ(next_budget(1000 << 20, 800 << 20, lowered, settings), 260u << 20);
}

TEST(Keeper, budget_grows_again_up_to_the_maximum) {
  Settings settings = between(100 << 20, 1000 << 20);
  Memory free{10ull << 30, 8ull << 30, 0};
  uint64_t budget = settings.cache_min;
  for (int i = 0; i < 40; i++) {
    uint64_t next = next_budget(budget, budget, free, settings);
    EXPECT_GE(next, budget);
    budget = next;
  }
  EXPECT_EQ(budget, settings.cache_max);
}

TEST(Keeper, control_groups_say_less) {
  char pattern[] = "/tmp/btfuse-keeper-test.XXXXXX";
  std::filesystem::path root = mkdtemp(pattern);
  auto put = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  };
  put("groups", "7:blkio:/\n0::/a/b\n");
  put("a/memory.max", "100000000\n");
  put("a/memory.current", "90000000\n");
  put("a/memory.stat", "anon 5\ninactive_file 30000000\nactive_file 10000000\n");
  put("a/b/memory.max", "max\n");
  put("a/b/memory.current", "80000000\n");
  Memory memory = read_memory(root / "groups", root);
  EXPECT_EQ(memory.total, 100'000'000u);
  EXPECT_EQ(memory.available, 50'000'000u);
  EXPECT_EQ(memory.excess, 0u);
  put("a/b/memory.high", "60000000\n");
  memory = read_memory(root / "groups", root);
  EXPECT_EQ(memory.total, 60'000'000u);
  EXPECT_EQ(memory.available, 0u);
  EXPECT_EQ(memory.excess, 20'000'000u);
  put("groups", "4:memory:/c\n");
  put("memory/c/memory.limit_in_bytes", "40000000\n");
  put("memory/c/memory.usage_in_bytes", "10000000\n");
  memory = read_memory(root / "groups", root);
  EXPECT_EQ(memory.available, 30'000'000u);
  std::filesystem::remove_all(root);
}

TEST(Keeper, the_machine_says_how_much_memory_it_has) {
  Memory memory = read_memory();
  EXPECT_GT(memory.total, 64u << 20);
  EXPECT_LE(memory.available, memory.total);
}

}  // namespace
}  // namespace bt::origin
