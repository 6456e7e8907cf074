// SPDX-License-Identifier: MIT
#include "cli/bench/report.h"

#include <gtest/gtest.h>

namespace bt::cli::bench {
namespace {

TEST(Report, every_form_has_every_figure_and_bar) {
  Results results;
  results.rounds = 1;
  results.samples.add("open_close", Way::kNative, 3700);
  results.samples.add("open_close", Way::kInProcess, 100);
  results.bars.push_back({"open_close: in-process against native", 37, 8, true, "x"});
  results.bars.push_back({"too slow", 2, 1, false, "ms"});
  for (const std::string& report : {text_report(results), json_report(results),
                                    markdown_report(results), html_report(results)}) {
    EXPECT_NE(report.find("open_close"), std::string::npos);
    EXPECT_NE(report.find("too slow"), std::string::npos);
  }
  EXPECT_NE(text_report(results).find("1 bars met, 1 missed"), std::string::npos);
}

}  // namespace
}  // namespace bt::cli::bench
