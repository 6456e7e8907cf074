// SPDX-License-Identifier: MIT
// The layout of all records as a table, from layout.def: hashed into the superblock so that a process built from other
// headers is refused, and printed by btfuse-layout into docs/layout.txt so that a change of format is a visible diff.
#pragma once

#include <cstdint>

namespace bt::format {

struct LayoutRow {
  const char* record;
  const char* field;  // nullptr: the record itself
  uint32_t offset;    // bytes
  uint32_t size;      // bytes
};

extern const LayoutRow kLayoutRows[];
extern const uint32_t kLayoutRowCount;
// Of every name, offset and size.
uint32_t layout_hash();

}  // namespace bt::format
