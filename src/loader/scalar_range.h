// SPDX-License-Identifier: MIT
// What the verifier knows of a number: an unsigned and a signed interval of its 64 bits, and of its low 32 bits. Every
// operation gives intervals that hold every possible result; where it cannot, it gives the full ones. The four intervals
// are kept consistent by sync(), as in the kernel's reg_bounds_sync.
#pragma once

#include <cstdint>

namespace bt::loader {

struct ScalarRange {
  uint64_t umin = 0, umax = UINT64_MAX;
  int64_t smin = INT64_MIN, smax = INT64_MAX;
  uint32_t umin32 = 0, umax32 = UINT32_MAX;
  int32_t smin32 = INT32_MIN, smax32 = INT32_MAX;

  static ScalarRange unknown() { return {}; }
  static ScalarRange constant(uint64_t value);
  // 0..max.
  static ScalarRange below_or_equal(uint64_t max);

  bool is_constant() const { return umin == umax; }
  bool fits_32_bits() const { return umax <= UINT32_MAX; }
  bool contains(uint64_t value) const;
  // Every value of `other` is one of ours.
  bool includes(const ScalarRange& other) const;
  bool operator==(const ScalarRange&) const = default;

  void sync();
  // The low 32 bits, zero-extended.
  ScalarRange low_half() const;
};

// `operation` is a BPF_OP of the ALU classes; `wide` false = 32-bit, result zero-extended.
ScalarRange range_of_operation(uint8_t operation, const ScalarRange& a, const ScalarRange& b,
                               bool wide);

// Narrows both sides by "a operation b" being true (or false). False: that outcome is impossible.
bool refine(uint8_t operation, bool outcome, bool wide, ScalarRange& a, ScalarRange& b);

}  // namespace bt::loader
