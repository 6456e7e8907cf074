// SPDX-License-Identifier: MIT
#include "cli/arguments.h"

#include <gtest/gtest.h>

#include "cli/command_error.h"

namespace bt::cli {
namespace {

Arguments arguments_of(std::vector<std::string> words) {
  return Arguments("mount", "[--size 4G] MOUNTPOINT", std::move(words));
}

TEST(Arguments, takes_flags_and_values_in_any_order) {
  Arguments arguments = arguments_of({"--size", "4G", "/m", "-f", "-o", "ro", "-o", "allow_other"});
  EXPECT_TRUE(arguments.flag("--foreground", "-f"));
  EXPECT_FALSE(arguments.flag("--json"));
  EXPECT_EQ(arguments.value("--size"), "4G");
  EXPECT_EQ(arguments.values("--option", "-o"), (std::vector<std::string>{"ro", "allow_other"}));
  EXPECT_EQ(arguments.words(1, 1)[0], "/m");
}

TEST(Arguments, value_may_be_joined_by_an_equals_sign) {
  EXPECT_EQ(arguments_of({"--size=1M"}).value("--size"), "1M");
}

TEST(Arguments, words_after_two_dashes_are_the_program_and_left_alone) {
  Arguments arguments = arguments_of({"/m", "--", "ls", "--json", "--"});
  EXPECT_FALSE(arguments.flag("--json"));
  EXPECT_TRUE(arguments.has_program());
  EXPECT_EQ(arguments.program(), (std::vector<std::string>{"ls", "--json", "--"}));
  EXPECT_EQ(arguments.words(1, 1).size(), 1u);
}

TEST(Arguments, unknown_option_missing_value_and_wrong_count_are_errors) {
  EXPECT_THROW(arguments_of({"--bogus", "/m"}).words(1, 1), CommandError);
  EXPECT_THROW(arguments_of({"--size"}).value("--size"), CommandError);
  EXPECT_THROW(arguments_of({}).words(1, 1), CommandError);
  EXPECT_THROW(arguments_of({"a", "b"}).words(1, 1), CommandError);
}

TEST(Arguments, number_checks_its_bounds) {
  EXPECT_EQ(arguments_of({"--port", "80"}).number("--port", 1, 100), 80u);
  for (const char* bad : {"0", "101", "8x", "", "-1", "99999999999999999999"})
    EXPECT_THROW(arguments_of({"--port", bad}).number("--port", 1, 100), CommandError) << bad;
}

TEST(ParseSize, knows_units_fractions_and_nonsense) {
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("64k"), 65536u);
  EXPECT_EQ(parse_size("1.5G"), 1610612736u);
  EXPECT_EQ(parse_size("2GiB"), 2ull << 30);
  for (const char* bad : {"", "G", "-1", "4Q", "4 G", "1e30", "99999999T", "nan"})
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
}

TEST(FormatSize, picks_a_unit) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(4ull << 30), "4.0 GiB");
}

}  // namespace
}  // namespace bt::cli
