// SPDX-License-Identifier: MIT
// A few descriptor numbers whose placeholders are kept back when the program closes them, so that the next open needs no
// system call. One word of four numbers, lowest first, so that taking and giving are one atomic instruction each.
#pragma once

#include <cstdint>

namespace bt::posix {

class NumberPool {
 public:
  // The lowest number in [minimum, below), which is not in the pool any more; -1: none.
  int32_t take(int32_t minimum, int32_t below) {
    for (uint64_t word = load(); word;) {
      uint32_t lane = 0;
      while (lane < kLanes && number(word, lane) >= 0 && number(word, lane) < minimum) lane++;
      int32_t found = lane < kLanes ? number(word, lane) : -1;
      if (found < 0 || found >= below) return -1;
      if (replace(word, without(word, lane))) return found;
    }
    return -1;
  }
  // False: it is full. Precondition: 0 <= fd < 65535, and not in the pool.
  bool put(int32_t fd) {
    uint64_t word = load();
    do {
      if (word >> (kLaneBits * (kLanes - 1))) return false;
      uint32_t lane = 0;
      while (number(word, lane) >= 0 && number(word, lane) < fd) lane++;
      uint64_t low = word & ((1ull << (kLaneBits * lane)) - 1), high = word ^ low;
      uint64_t fresh = static_cast<uint64_t>(fd + 1) << (kLaneBits * lane);
      if (replace(word, low | fresh | high << kLaneBits)) return true;
    } while (true);
  }
  bool contains(int32_t fd) const {
    uint64_t word = load();
    for (uint32_t lane = 0; lane < kLanes; lane++)
      if (number(word, lane) == fd) return true;
    return false;
  }
  bool is_empty() const { return load() == 0; }

 private:
  static constexpr uint32_t kLanes = 4, kLaneBits = 16;

  // A lane holds the number + 1; 0 is empty, and so are all lanes behind it.
  static int32_t number(uint64_t word, uint32_t lane) {
    return static_cast<int32_t>(word >> (kLaneBits * lane) & 0xffff) - 1;
  }
  static uint64_t without(uint64_t word, uint32_t lane) {
    uint64_t low = word & ((1ull << (kLaneBits * lane)) - 1);
    return low | ((word >> kLaneBits) & ~((1ull << (kLaneBits * lane)) - 1));
  }
  uint64_t load() const { return __atomic_load_n(&word_, __ATOMIC_ACQUIRE); }
  bool replace(uint64_t& expected, uint64_t fresh) {
    return __atomic_compare_exchange_n(&word_, &expected, fresh, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }

  uint64_t word_;
};

}  // namespace bt::posix
