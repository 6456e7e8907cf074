// SPDX-License-Identifier: MIT
// The hidden names by which an open file description of the volume is opened once more through the mount, in its root directory:
// .btfuse-ofd.<description>.<inode number, hex>.<offset, hex>. Made by posix/materialise.cc, served by fuse/hidden.h.
#pragma once

#include <cstdint>

namespace bt::format {

inline constexpr char kHiddenPrefix[] = ".btfuse-ofd.";

// In the place of an offset: the descriptor shares none with the description. It is to be mapped,
inline constexpr uint64_t kOpenedToMap = UINT64_MAX;
// or for one call on a file that the kernel has pages of, which it keeps.
inline constexpr uint64_t kOpenedForOneCall = UINT64_MAX - 1;
inline constexpr bool is_shared_offset(uint64_t offset) { return offset < kOpenedForOneCall; }

}  // namespace bt::format
