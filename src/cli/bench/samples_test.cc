// SPDX-License-Identifier: MIT
#include "cli/bench/samples.h"

#include <gtest/gtest.h>

#include "cli/bench/programs.h"
#include "cli/bench/report.h"
#include "cli/command_error.h"

namespace bt::cli::bench {
namespace {

TEST(Samples, medians_ratios_and_spread) {
  Samples samples;
  for (double value : {30.0, 10.0, 20.0}) samples.add("stat", Way::kInProcess, value);
  for (double value : {100.0, 300.0}) samples.add("stat", Way::kNative, value);
  EXPECT_DOUBLE_EQ(samples.median("stat", Way::kInProcess), 20);
  EXPECT_DOUBLE_EQ(samples.median("stat", Way::kNative), 200);
  EXPECT_DOUBLE_EQ(samples.ratio("stat", Way::kNative, Way::kInProcess), 10);
  EXPECT_DOUBLE_EQ(samples.spread("stat", Way::kInProcess), 1);
  EXPECT_EQ(samples.ratio("stat", Way::kKernel, Way::kInProcess), 0);
  EXPECT_FALSE(samples.has("open", Way::kNative));
}

TEST(ParseFigures, takes_lines_of_a_name_and_a_number) {
  auto figures = parse_figures("stat   12.5\nsome words here\nfoo 1 2\nbar x\nlist 3\n");
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[0].first, "stat");
  EXPECT_DOUBLE_EQ(figures[1].second, 3);
}

TEST(RunProgram, gives_the_output_or_says_what_went_wrong) {
  EXPECT_EQ(run_program({"echo", "hello"}, 10), "hello\n");
  EXPECT_THROW(run_program({"false"}, 10), CommandError);
  EXPECT_THROW(run_program({"/nonexistent/program"}, 10), CommandError);
  EXPECT_THROW(run_program({"sleep", "60"}, 1), CommandError);
}

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
