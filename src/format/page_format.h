// SPDX-License-Identifier: MIT
// What the volume knows of each page of its pool, and the two shapes a page takes besides data.
#pragma once

#include "format/types.h"

namespace bt::format {

enum PageUse : uint8_t {
  kPageFree = 0,
  kPageData = 1,
  kPageRadix = 2,
  kPageXattr = 3,
  kPageDescriptors = 4,  // a session's descriptor table
  kPagePins = 5,         // a session's list of the pages it has mapped
};

struct PageDescriptor {
  InodeIndex owner;  // 0   guarded by the owner's lock; kNone of a free page
  PageIndex next;    // 4   of a free page: its list; of an xattr page: the next one
  uint8_t use;       // 8   PageUse
  uint8_t flags;     // 9   kPage… below
  uint16_t pins;     // 10  guarded by the owner's lock while owned; mappings of programs
  uint32_t index;    // 12  which page of its owner's data (4 KiB units)
};
static_assert(sizeof(PageDescriptor) == 16);

inline constexpr uint8_t kPageDetached =
    1;  // its file is gone while it was pinned: freed with its last pin
inline constexpr uint8_t kPageReturned = 2;  // its memory went back to the machine; reads as zeros
inline constexpr uint8_t kPageWriting =
    8;  // directory origin: copied for write-back, and not changed since
inline constexpr uint8_t kPageDirty = 4;     // directory origin: not written back yet
inline constexpr uint8_t kPageVisited = 16;  // directory origin: read since the evictor looked last
inline constexpr uint8_t kPageProbation = 32;  // directory origin: new; goes unless it is visited
inline constexpr uint8_t kPageRead = 64;       // directory origin: read once, which is no visit yet

inline constexpr uint32_t kRadixFanout = 1024;
struct RadixPage {
  PageIndex child[kRadixFanout];  // guarded by the owner's lock; kNone = hole
};
static_assert(sizeof(RadixPage) == kPageSizeBytes);

// 1,024 descriptors of a session's table; see session_format.h. An entry is a DescriptionIndex, and kDescriptorCloseOnExec.
struct DescriptorPage {
  uint32_t entry[1024];  // guarded by the session's lock; 0 = not ours
};
inline constexpr uint32_t kDescriptorCloseOnExec = 1u << 31;
static_assert(sizeof(DescriptorPage) == kPageSizeBytes);

// The pages that a session's process has mapped; engine/mapping.h. A page may stand here more than once.
struct PinPage {
  PageIndex next;       // guarded by the session's lock
  uint32_t count;       // guarded by the session's lock; entries in use, from 0
  PageIndex pin[1022];  // guarded by the session's lock
};
static_assert(sizeof(PinPage) == kPageSizeBytes);

}  // namespace bt::format
