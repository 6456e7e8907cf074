// SPDX-License-Identifier: MIT
// The extended attributes of an inode: one stream of bytes over the pages that start at inode.xattrs and go on through
// their descriptors' `next`. Never changed in place: a change writes new pages and swaps the inode's word.
//
//   XattrHeader │ { XattrEntry, name, value, zeros up to a multiple of 8 } × count
#pragma once

#include <cstdint>

namespace bt::format {

struct XattrHeader {
  uint32_t size;   // bytes of the whole stream, this header included
  uint32_t count;  // entries
};
static_assert(sizeof(XattrHeader) == 8);

struct XattrEntry {
  uint32_t value_size;
  uint16_t name_size;  // 1..255
  uint16_t reserved;
};
static_assert(sizeof(XattrEntry) == 8);

// 128 KiB an inode: what one transaction can swap. ENOSPC beyond.
inline constexpr uint32_t kXattrPagesMax = 32;

}  // namespace bt::format
