// SPDX-License-Identifier: MIT
#include "format/layout.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace bt::format {
namespace {

// A field that layout.def forgets is covered neither by the hash nor by docs/layout.txt: the fields of a record must fill it.
TEST(Layout, fields_fill_their_records) {
  std::map<std::string, uint32_t> end, size;
  for (uint32_t i = 0; i < kLayoutRowCount; i++) {
    const LayoutRow& row = kLayoutRows[i];
    if (!row.field) {
      size[row.record] = row.size;
      continue;
    }
    // A union's members lie on top of each other.
    EXPECT_LE(row.offset, end[row.record]) << row.record << "." << row.field;
    end[row.record] = std::max(end[row.record], row.offset + row.size);
  }
  for (auto& [record, bytes] : size) EXPECT_EQ(end[record], bytes) << record;
}
}  // namespace
}  // namespace bt::format
