// SPDX-License-Identifier: MIT
// Arithmetic on sizes and the one borrowed-string type of INSIDE code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bt::base {

constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}
constexpr uint64_t align_down(uint64_t value, uint64_t alignment) {
  return value & ~(alignment - 1);
}
constexpr uint64_t divide_up(uint64_t value, uint64_t divisor) {
  return (value + divisor - 1) / divisor;
}
constexpr bool is_power_of_two(uint64_t value) { return value && (value & (value - 1)) == 0; }

template <typename T>
constexpr T min(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

// A run of characters that somebody else owns; not terminated. std::string_view may throw, hence not INSIDE.
struct Text {
  const char* data = nullptr;
  uint32_t size = 0;

  constexpr char operator[](uint32_t index) const { return data[index]; }
};

constexpr Text text_of(const char* terminated) {
  uint32_t size = 0;
  while (terminated[size]) size++;
  return {terminated, size};
}

constexpr bool equal(Text a, Text b) {
  if (a.size != b.size) return false;
  for (uint32_t i = 0; i < a.size; i++)
    if (a.data[i] != b.data[i]) return false;
  return true;
}

// Eight bytes at a time: paths are compared with mount points on every call.
inline bool equal_bytes(const char* a, const char* b, uint32_t size) {
  uint32_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t x, y;
    __builtin_memcpy(&x, a + at, 8);
    __builtin_memcpy(&y, b + at, 8);
    if (x != y) return false;
  }
  for (; at < size; at++)
    if (a[at] != b[at]) return false;
  return true;
}

}  // namespace bt::base
