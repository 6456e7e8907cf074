// SPDX-License-Identifier: MIT
// Writes the stub of one patched site: the displaced instructions, the parts of the first look that need no call, then
// either on to entry.S or to the site's `syscall`. Stubs are reached by a jump and use rcx and r11 alone.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/site_table.h"

namespace bt::agent {

// No stub is longer: displaced bytes, two descriptor looks, the pool, the exits.
inline constexpr uint32_t kStubSizeMaxBytes = 176;
// At the start of a region of stubs: the addresses they jump to.
inline constexpr uint32_t kRegionHeaderBytes = 64;

class StubWriter {
 public:
  // `region`: writable memory that will be executed at the same address, within 2 GiB of the library.
  explicit StubWriter(uint8_t* region);

  // The stub for `site` of the library at `base`; its address.
  const uint8_t* write(const base::Site& site, uint64_t base);
  const uint8_t* end() const { return at_; }

 private:
  struct Jump {
    uint8_t* field;  // a 32-bit distance to fill in
  };
  void bytes(std::initializer_list<uint8_t> list) {
    for (uint8_t byte : list) *at_++ = byte;
  }
  void word(uint32_t value);
  void quad(uint64_t value);
  void distance_to(uint64_t target) {
    word(static_cast<uint32_t>(target - reinterpret_cast<uint64_t>(at_) - 4));
  }
  Jump jump_if(uint8_t condition);
  void land(Jump jump);
  void look_at_descriptor(int argument);
  void look_at_flag(uint64_t flag_offset);

  static constexpr int kJumpsMax = 8;
  uint8_t* region_;
  uint8_t* at_;
  Jump ours_[kJumpsMax];
  int ours_count_ = 0;
};

}  // namespace bt::agent
