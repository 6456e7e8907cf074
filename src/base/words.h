// SPDX-License-Identifier: MIT
// 8 and 4 bytes at any address as an integer, in one load: of names, which may change meanwhile (base/relaxed.h).
#pragma once

#include "base/relaxed.h"

namespace bt::base {

inline uint64_t load_word(const void* from) {
  uint64_t word;
#ifdef BT_TSAN
  asm volatile("movq %1, %0" : "=r"(word) : "m"(*static_cast<const uint64_t*>(from)));
#else
  __builtin_memcpy(&word, from, 8);
#endif
  return word;
}
inline uint32_t load_half(const void* from) {
  uint32_t word;
#ifdef BT_TSAN
  asm volatile("movl %1, %0" : "=r"(word) : "m"(*static_cast<const uint32_t*>(from)));
#else
  __builtin_memcpy(&word, from, 4);
#endif
  return word;
}

// Those bits of a word that its first `count` bytes in memory are; all of 8 and more.
constexpr uint64_t low_bytes(uint32_t count) {
  return count >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * count)) - 1;
}

}  // namespace bt::base
