// SPDX-License-Identifier: MIT
// Prints the offset and size of every field of every record of a volume. docs/layout.txt is its output, so that a change
// of format is a visible diff.
#include "format/layout.h"

#include <cstdio>

int main() {
  using namespace bt::format;
  std::printf("layout hash %08x\n", layout_hash());
  for (uint32_t i = 0; i < kLayoutRowCount; i++) {
    const LayoutRow& row = kLayoutRows[i];
    if (row.field)
      std::printf("%6u %6u  %s\n", row.offset, row.size, row.field);
    else
      std::printf("\n%s, %u bytes\n", row.record, row.size);
  }
}
