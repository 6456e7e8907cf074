// SPDX-License-Identifier: MIT
// Words that somebody may look at without a lock while they change: one load or store each, which the compiler neither splits
// nor repeats. The order between them comes from sequences and fences (base/fence.h).
//
// BT_TSAN: built for ThreadSanitizer (tests/crash has its callbacks for another purpose, and then BT_PLANTS).
#pragma once

#include <cstdint>

#if defined(__SANITIZE_THREAD__) && !defined(BT_PLANTS)
#define BT_TSAN 1
#endif

namespace bt::base {

template <typename T>
inline T load_relaxed(const T& place) {
  T value;
  __atomic_load(&place, &value, __ATOMIC_RELAXED);
  return value;
}
template <typename T>
inline void store_relaxed(T& place, T value) {
  __atomic_store(&place, &value, __ATOMIC_RELAXED);
}

// A whole record, whose size is a multiple of 8, word by word.
template <typename T>
inline void load_words_relaxed(const T& place, T& copy) {
  static_assert(sizeof(T) % 8 == 0 && alignof(T) == 8);
  for (uint64_t at = 0; at < sizeof(T); at += 8)
    *reinterpret_cast<uint64_t*>(reinterpret_cast<char*>(&copy) + at) = load_relaxed(
        *reinterpret_cast<const uint64_t*>(reinterpret_cast<const char*>(&place) + at));
}

// A run of bytes of which some may change meanwhile. For this there is no atomic form, so ThreadSanitizer must not see it.
inline void copy_racing(void* to, const void* from, uint64_t size) {
#ifdef BT_TSAN
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#else
  __builtin_memcpy(to, from, size);
#endif
}

}  // namespace bt::base
