// SPDX-License-Identifier: MIT
// 8 and 4 bytes at any address as an integer, in one load.
#pragma once

#include <cstdint>

namespace bt::base {

inline uint64_t load_word(const void* from) {
  uint64_t word;
  __builtin_memcpy(&word, from, 8);
  return word;
}
inline uint32_t load_half(const void* from) {
  uint32_t word;
  __builtin_memcpy(&word, from, 4);
  return word;
}

}  // namespace bt::base
