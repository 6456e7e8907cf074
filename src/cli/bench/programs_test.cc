// SPDX-License-Identifier: MIT
#include "cli/bench/programs.h"

#include <gtest/gtest.h>

#include "cli/command_error.h"

namespace bt::cli::bench {
namespace {

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

}  // namespace
}  // namespace bt::cli::bench
