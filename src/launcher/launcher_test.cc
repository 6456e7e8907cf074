// SPDX-License-Identifier: MIT
#include "launcher/launcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bt::launcher {
namespace {

struct Words {
  explicit Words(std::vector<std::string> given) : texts(std::move(given)) {
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
  }
  std::vector<std::string> texts;
  std::vector<char*> pointers;
};

TEST(ParseRun, the_program_begins_after_two_dashes_or_at_the_first_word) {
  for (auto given : {std::vector<std::string>{"--", "ls", "--only"}, {"ls", "--only"}}) {
    Words words(given);
    RunRequest request = parse_run(words.pointers.data());
    ASSERT_NE(request.program, nullptr);
    EXPECT_STREQ(request.program[0], "ls");
    EXPECT_STREQ(request.program[1], "--only");
    EXPECT_EQ(request.only, nullptr);
  }
}

TEST(ParseRun, takes_only_in_both_spellings) {
  Words a({"--only", "/m", "--", "ls"}), b({"--only=/m", "ls"});
  EXPECT_STREQ(parse_run(a.pointers.data()).only, "/m");
  EXPECT_STREQ(parse_run(b.pointers.data()).only, "/m");
}

TEST(ParseRun, tells_unknown_options_missing_values_and_missing_programs) {
  Words unknown({"--nosuch", "ls"}), valueless({"--only"}), nothing({});
  EXPECT_STREQ(parse_run(unknown.pointers.data()).unknown_option, "--nosuch");
  EXPECT_STREQ(parse_run(valueless.pointers.data()).unknown_option, "--only");
  EXPECT_EQ(parse_run(nothing.pointers.data()).program, nullptr);
}

TEST(ParseRun, help_after_the_dashes_is_the_programs) {
  Words ours({"--help"}), theirs({"--", "ls", "--help"});
  EXPECT_TRUE(parse_run(ours.pointers.data()).wants_help);
  EXPECT_FALSE(parse_run(theirs.pointers.data()).wants_help);
}

TEST(Path, appends_cuts_and_says_when_it_does_not_fit) {
  Path path;
  path.clear();
  path.append("/a/b").append("/c");
  path.drop_last_component();
  EXPECT_STREQ(path.c_str(), "/a/b");
  path.drop_last_component();
  path.drop_last_component();
  EXPECT_STREQ(path.c_str(), "/");
  path.append(std::string(kPathBytes, 'x').c_str());
  EXPECT_FALSE(path.fits());
}

TEST(Variable, matches_the_whole_name) {
  Words environment({"PATHS=1", "PATH=2", "EMPTY="});
  EXPECT_STREQ(variable(environment.pointers.data(), "PATH"), "2");
  EXPECT_STREQ(variable(environment.pointers.data(), "EMPTY"), "");
  EXPECT_EQ(variable(environment.pointers.data(), "PAT"), nullptr);
}

TEST(ListHas, finds_whole_items_between_colons_and_spaces) {
  EXPECT_TRUE(list_has("/x.so:/agent.so", "/agent.so"));
  EXPECT_TRUE(list_has("/agent.so /x.so", "/agent.so"));
  EXPECT_FALSE(list_has("/agent.so.1", "/agent.so"));
  EXPECT_FALSE(list_has("", "/agent.so"));
}

}  // namespace
}  // namespace bt::launcher
