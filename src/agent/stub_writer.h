// SPDX-License-Identifier: MIT
// Writes the stub of one patched site: the displaced instructions, the parts of the first look that need no call, then
// either on to entry.S or to the site's `syscall`. Stubs are reached by a jump and use rcx and r11 alone. They hold no
// address of the process they run in: those are in the slots, at the start of the region. So the build can write them
// into an image (tools/sites/image.cc) as well as the agent into memory (patcher.cc).
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/site_table.h"

namespace bt::agent {

// The first OS page of a region of stubs.
struct StubSlots {
  uint64_t entry;                // bt_entry
  uint64_t entry_computed;       // bt_entry_computed
  uint64_t thread_table_offset;  // of posix::thread_table from the thread pointer
  uint64_t first_look;           // &posix::first_look
  uint64_t loaded_programs;      // hooks::loaded_word
  // Of an image: what it was made from; checked against the agent's own.
  uint64_t fingerprint;
  uint8_t build_id[base::kBuildIdSizeBytes];
};
inline constexpr uint32_t kSlotsSizeBytes = 4096;
// No stub is longer: displaced bytes, two descriptor looks, the pool, the exits.
inline constexpr uint32_t kStubSizeMaxBytes = 176;

// Of everything that stubs and agent must agree on.
uint64_t stub_fingerprint();

// Bytes that are, or will be, at `address`.
struct Code {
  uint8_t* memory;
  uint64_t address;
  uint8_t* at(uint64_t where) const { return memory + (where - address); }
};

class StubWriter {
 public:
  // region: the slots and room for the stubs, within 2 GiB of the library.
  explicit StubWriter(Code region) : region_(region), at_(region.memory + kSlotsSizeBytes) {}

  // The stub for `site` of the library at `base`; its address.
  uint64_t write(const base::Site& site, uint64_t base);

 private:
  struct Jump {
    uint8_t* field;  // a 32-bit distance to fill in
  };
  uint64_t here() const { return region_.address + static_cast<uint64_t>(at_ - region_.memory); }
  void bytes(std::initializer_list<uint8_t> list) {
    for (uint8_t byte : list) *at_++ = byte;
  }
  void word(uint32_t value);
  void distance_to(uint64_t target) { word(static_cast<uint32_t>(target - here() - 4)); }
  Jump jump_if(uint8_t condition);
  void land(Jump jump);
  void look_at_descriptor(int argument);
  void look_at_flag(uint64_t flag_offset);
  void look_at_programs();

  static constexpr int kJumpsMax = 8;
  Code region_;
  uint8_t* at_;
  Jump ours_[kJumpsMax];
  int ours_count_ = 0;
};

// Makes the site jump to its stub. `library` holds the library's bytes from its base.
void redirect_site(const base::Site& site, uint64_t base, Code library, uint64_t stub);

}  // namespace bt::agent
