// SPDX-License-Identifier: MIT
#include "cli/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bt::cli {
namespace {

TEST(JsonWriter, nests_and_separates) {
  JsonWriter json;
  json.begin_object();
  json.member("a", 1);
  json.key("b");
  json.begin_array();
  json.value("x");
  json.value(true);
  json.null();
  json.end_array();
  json.key("empty");
  json.begin_object();
  json.end_object();
  json.end_object();
  EXPECT_EQ(
      json.text(),
      "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    true,\n    null\n  ],\n  \"empty\": {}\n}");
}

TEST(JsonWriter, one_line_has_no_line_feeds) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.begin_object();
  json.member("a", 1);
  json.key("b");
  json.begin_array();
  json.value(1);
  json.value(2);
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.text(), "{\"a\": 1,\"b\": [1,2]}");
}

TEST(JsonWriter, escapes_what_json_forbids_and_replaces_what_is_not_utf8) {
  JsonWriter json;
  json.value(std::string_view("q\" b\\ n\n \xc3\xa9 \xff \xed\xa0\x80"));
  EXPECT_EQ(json.text(), "\"q\\\" b\\\\ n\\u000a \xc3\xa9 \\ufffd \\ufffd\\ufffd\\ufffd\"");
}

TEST(JsonWriter, numbers_keep_64_bits_and_nonsense_is_null) {
  JsonWriter json;
  json.begin_array();
  json.value(UINT64_MAX);
  json.value(0.5);
  json.value(std::nan(""));
  json.end_array();
  EXPECT_EQ(json.text(), "[\n  18446744073709551615,\n  0.5,\n  null\n]");
}

}  // namespace
}  // namespace bt::cli
