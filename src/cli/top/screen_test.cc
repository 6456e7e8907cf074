// SPDX-License-Identifier: MIT
#include "cli/top/screen.h"

#include <gtest/gtest.h>

namespace bt::cli::top {
namespace {

size_t columns(const std::string& line) {
  size_t count = 0;
  for (char c : line) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

Snapshot cached() {
  Snapshot now;
  now.mount_point = "/a/mount/point";
  now.state = "serving";
  now.cache = {1 << 30, 4096, 900, 100};
  now.incidents = {{1, 1, "thread_repaired", 4711, 1, 3}};
  now.hooks = {{1, "opens", {{"open", "exit open", 40}}, {{"events", "ringbuf", 4096, 0, 0}}}};
  return now;
}

Rates busy() {
  Rates rates;
  for (uint32_t i = 0; i < 40; i++) {
    rates.operations.push_back({.operation = i,
                                .in_process = 1e6,
                                .passed = 12345,
                                .fuse = 3,
                                .p50_ns = 93,
                                .p99_ns = 12345});
    SessionRate session;
    session.session.pid = 1000 + i;
    session.session.name = i % 2 ? "ninja" : "cc1plus";
    session.in_process = i;
    rates.sessions.push_back(session);
  }
  for (uint32_t way = 2; way < 9; way++) rates.reasons.push_back({way, 10.0});
  return rates;
}

TEST(Screen, fits_the_terminal_whatever_happens) {
  View view;
  for (int i = 0; i < 300; i++) view.history.push_back({static_cast<double>(i), 0.5, 0.5, 1});
  for (auto [width, height] : {std::pair{80, 24}, {200, 60}, {40, 16}}) {
    for (const Rates& rates : {busy(), Rates{}}) {
      std::vector<std::string> lines = draw(cached(), rates, view, width, height);
      EXPECT_LE(lines.size(), static_cast<size_t>(height));
      for (const std::string& line : lines)
        EXPECT_LE(columns(line), static_cast<size_t>(width)) << line;
    }
  }
}

TEST(Screen, filter_keeps_only_programs_that_match) {
  View view;
  view.filter = "cc1";
  std::string all;
  for (const std::string& line : draw(Snapshot{}, busy(), view, 80, 60)) all += line + "\n";
  EXPECT_NE(all.find("cc1plus"), std::string::npos);
  EXPECT_EQ(all.find("ninja"), std::string::npos);
}

TEST(Screen, shows_the_cache_the_last_incident_and_what_is_loaded) {
  View view;
  Rates rates;
  rates.hit_ratio = 0.5;
  remember(view, rates, cached());
  std::string all;
  for (const std::string& line : draw(cached(), rates, view, 80, 24)) all += line + "\n";
  for (const char* part : {"hits 50.0% (90.0% in all)", "a budget of 1.0 GiB", "thread_repaired",
                           "opens (1 programs, 1 maps)"})
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
}

TEST(ShortNumber, stays_within_five_columns) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(9999), "9999");
  EXPECT_EQ(short_number(12345), "12.3k");
  EXPECT_EQ(short_number(4560000), "4.56M");
  for (double value = 1; value < 1e14; value *= 1.7)
    EXPECT_LE(short_number(value).size(), 5u) << value;
}

TEST(ShortTime, picks_a_unit) {
  EXPECT_EQ(short_time(0), "-");
  EXPECT_EQ(short_time(93), "93ns");
  EXPECT_EQ(short_time(1234), "1.2µs");
  EXPECT_EQ(short_time(3.4e6), "3.4ms");
}

}  // namespace
}  // namespace bt::cli::top
