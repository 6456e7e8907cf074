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
  results.samples.add("open_close", Way::kDisk, 4100);
  results.disk = "ext4";
  results.programs.add("tar_x", Way::kNative, 12);
  results.add_number("scaling_in_process_2_times_one", 1.9);
  results.bars.push_back({"open_close: in-process against native", 37, 8, true, "x"});
  results.bars.push_back({"too slow", 2, 1, false, "ms"});
  for (const std::string& report : {text_report(results), json_report(results),
                                    markdown_report(results), html_report(results)}) {
    EXPECT_NE(report.find("open_close"), std::string::npos);
    for (const char* part : {"too slow", "tar_x", "ext4", "scaling_in_process_2_times_one"})
      EXPECT_NE(report.find(part), std::string::npos) << part;
  }
  EXPECT_NE(text_report(results).find("1 bars met, 1 missed"), std::string::npos);
}

}  // namespace
}  // namespace bt::cli::bench
