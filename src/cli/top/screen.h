// SPDX-License-Identifier: MIT
// The picture of `btfuse top`, as lines of text that fit a terminal of 80×24 or more. Nothing here touches a terminal.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "cli/top/rates.h"

namespace bt::cli::top {

enum class SortKey { kCalls, kPassed, kKernel, kLatency, kName };
inline constexpr int kSortKeys = 5;
const char* sort_label(SortKey key);

// One point of the past, for the curve at the top.
struct Moment {
  double calls = 0;   // a second, of served programs
  double share = -1;  // in-process
  double hit_ratio = -1;
  double budget = -1;  // part of its largest so far; -1: the volume is no cache
};

struct View {
  SortKey sort = SortKey::kCalls;
  std::string filter;  // only sessions whose program contains it
  bool is_typing_filter = false;
  bool is_paused = false;
  std::deque<Moment> history;  // oldest first
  uint64_t budget_max = 0;     // bytes; the largest that was seen
};

// Remembers the interval that ended with `now`, forgetting the oldest.
void remember(View& view, const Rates& rates, const Snapshot& now);

// At most `height` lines of at most `width` columns.
std::vector<std::string> draw(const Snapshot& now, const Rates& rates, const View& view, int width,
                              int height);

// "1234", "12.3k", "4.56M": at most five columns.
std::string short_number(double value);
// "93ns", "1.2µs", "3.4ms"; "-" for 0.
std::string short_time(double nanoseconds);

}  // namespace bt::cli::top
