// SPDX-License-Identifier: MIT
// Short runs of bytes, by words: what helpers copy and compare is tens of bytes long, where a call of memcpy, or the start of
// `rep movsb`, costs more than the copy.
#pragma once

#include <cstdint>

#include "base/words.h"

namespace bt::hooks {

using base::load_half;
using base::load_word;

// memcpy. Aligned 8-byte words are copied whole, so that a reader beside it never sees half of one.
inline void copy_words(void* to, const void* from, uint64_t size) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (; size >= 8; size -= 8, in += 8, out += 8) {
    uint64_t word = load_word(in);
    __builtin_memcpy(out, &word, 8);
  }
  if (size & 4) {
    uint32_t half = load_half(in);
    __builtin_memcpy(out, &half, 4);
    in += 4, out += 4;
  }
  for (size &= 3; size; size--) *out++ = *in++;
}

inline bool same_bytes(const void* a, const void* b, uint64_t size) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (; size >= 8; size -= 8, x += 8, y += 8)
    if (load_word(x) != load_word(y)) return false;
  if (size & 4) {
    if (load_half(x) != load_half(y)) return false;
    x += 4, y += 4;
  }
  for (size &= 3; size; size--)
    if (*x++ != *y++) return false;
  return true;
}

}  // namespace bt::hooks
