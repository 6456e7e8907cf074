// SPDX-License-Identifier: MIT
#include "format/layout.h"

#include <cstddef>
#include <type_traits>

#include "format/dentry_format.h"
#include "format/inode_format.h"
#include "format/page_format.h"
#include "format/session_format.h"
#include "format/superblock_format.h"

namespace bt::format {
namespace {

// Other processes read these bytes: no padding that could hold rubbish, nothing that needs construction.
template <typename Record>
concept Shared = std::is_standard_layout_v<Record> && std::is_trivially_copyable_v<Record> &&
    std::has_unique_object_representations_v<Record>;
#define BT_RECORD(record) static_assert(Shared<record>);
#define BT_FIELD(record, field)
#include "format/layout.def"
#undef BT_RECORD
#undef BT_FIELD

constexpr uint32_t hash_bytes(uint32_t hash, const char* text) {
  for (; *text; text++) hash = (hash ^ static_cast<uint8_t>(*text)) * 16777619u;
  return hash;
}
constexpr uint32_t hash_word(uint32_t hash, uint32_t word) {
  for (int i = 0; i < 4; i++) hash = (hash ^ (word >> (8 * i) & 0xff)) * 16777619u;
  return hash;
}
}  // namespace

constexpr LayoutRow kLayoutRows[] = {
#define BT_RECORD(record) {#record, nullptr, 0, sizeof(record)},
#define BT_FIELD(record, field) {#record, #field, offsetof(record, field), sizeof(record::field)},
#include "format/layout.def"
#undef BT_RECORD
#undef BT_FIELD
};
const uint32_t kLayoutRowCount = sizeof(kLayoutRows) / sizeof(kLayoutRows[0]);

uint32_t layout_hash() {
  constexpr uint32_t hash = [] {
    uint32_t h = 2166136261u;
    for (const LayoutRow& row : kLayoutRows) {
      h = hash_bytes(h, row.record);
      if (row.field) h = hash_bytes(h, row.field);
      h = hash_word(hash_word(h, row.offset), row.size);
    }
    return h;
  }();
  return hash;
}

}  // namespace bt::format
