// SPDX-License-Identifier: MIT
#include "base/user_copy.h"

#include <cerrno>

// The linker defines both for every section whose name is a C identifier. The section is never empty: user_copy.S
// has rows in it.
extern "C" const bt::base::Fixup __start_bt_fixups[] __attribute__((visibility("hidden")));
extern "C" const bt::base::Fixup __stop_bt_fixups[] __attribute__((visibility("hidden")));

namespace bt::base {
namespace {
uint64_t target_of(const int32_t& field) {
  return reinterpret_cast<uint64_t>(&field) + static_cast<uint64_t>(static_cast<int64_t>(field));
}
constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kOsPageMask = 4095;
constexpr bool has_zero_byte(uint64_t word) { return ((word - kOnes) & ~word & (kOnes << 7)) != 0; }
}  // namespace

uint64_t find_fixup(uint64_t pc) {
  for (const Fixup* row = __start_bt_fixups; row < __stop_bt_fixups; row++)
    if (pc >= target_of(row->begin) && pc < target_of(row->end)) return target_of(row->fixup);
  return 0;
}

int64_t copy_string_from_user(char* destination, const char* source, uint64_t size) {
  uint64_t done = 0;
  while (done < size) {
    // A word at a time while it lies in one OS page: the string may end just before an unmapped one.
    uint64_t address = reinterpret_cast<uint64_t>(source) + done;
    if (size - done >= 8 && (address & kOsPageMask) <= kOsPageMask - 7) {
      uint64_t word;
      if (!load_user_u64(source + done, word)) return -EFAULT;
      __builtin_memcpy(destination + done, &word, 8);
      if (!has_zero_byte(word)) {
        done += 8;
        continue;
      }
      return static_cast<int64_t>(done) +
             (__builtin_ctzll((word - kOnes) & ~word & (kOnes << 7)) >> 3);
    }
    uint8_t byte;
    if (!load_user_u8(source + done, byte)) return -EFAULT;
    destination[done] = static_cast<char>(byte);
    if (!byte) return static_cast<int64_t>(done);
    done++;
  }
  return -ENAMETOOLONG;
}

}  // namespace bt::base
