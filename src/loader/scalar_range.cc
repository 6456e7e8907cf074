// SPDX-License-Identifier: MIT
#include "loader/scalar_range.h"

#include <linux/bpf.h>

#include <algorithm>
#include <limits>

namespace bt::loader {
namespace {

// 32-bit operations are computed on copies whose 64-bit intervals are those of the low half, so that nothing overflows.
ScalarRange add(const ScalarRange& a, const ScalarRange& b) {
  ScalarRange r;
  uint64_t umax;
  if (!__builtin_add_overflow(a.umax, b.umax, &umax)) r.umin = a.umin + b.umin, r.umax = umax;
  int64_t smin, smax;
  if (!__builtin_add_overflow(a.smin, b.smin, &smin) &&
      !__builtin_add_overflow(a.smax, b.smax, &smax))
    r.smin = smin, r.smax = smax;
  return r;
}

ScalarRange subtract(const ScalarRange& a, const ScalarRange& b) {
  ScalarRange r;
  if (a.umin >= b.umax) r.umin = a.umin - b.umax, r.umax = a.umax - b.umin;
  int64_t smin, smax;
  if (!__builtin_sub_overflow(a.smin, b.smax, &smin) &&
      !__builtin_sub_overflow(a.smax, b.smin, &smax))
    r.smin = smin, r.smax = smax;
  return r;
}

ScalarRange multiply(const ScalarRange& a, const ScalarRange& b) {
  ScalarRange r;
  uint64_t umax;
  if (!__builtin_mul_overflow(a.umax, b.umax, &umax)) r.umin = a.umin * b.umin, r.umax = umax;
  return r;
}

uint64_t all_ones_above(uint64_t value) { return value ? UINT64_MAX >> __builtin_clzll(value) : 0; }

ScalarRange divide(const ScalarRange& a, const ScalarRange& b) {
  ScalarRange r;
  r.umin = b.umin ? a.umin / b.umax : 0;  // division by zero gives zero
  r.umax = b.umin ? a.umax / b.umin : a.umax;
  return r;
}

ScalarRange modulo(const ScalarRange& a, const ScalarRange& b) {
  ScalarRange r;
  r.umin = 0;
  r.umax = b.umin ? std::min(a.umax, b.umax - 1) : a.umax;  // modulo zero leaves a
  return r;
}

ScalarRange shift_left(const ScalarRange& a, uint64_t count, bool wide) {
  ScalarRange r;
  if (wide && count == 32) {
    r.umin = static_cast<uint64_t>(a.umin32) << 32, r.umax = static_cast<uint64_t>(a.umax32) << 32;
    r.smin = static_cast<int64_t>(a.smin32) * (INT64_C(1) << 32);
    r.smax = static_cast<int64_t>(a.smax32) * (INT64_C(1) << 32);
  } else if (count == 0 || a.umax <= UINT64_MAX >> count) {
    r.umin = a.umin << count, r.umax = a.umax << count;
  }
  return r;
}

ScalarRange shift_right(const ScalarRange& a, uint64_t count) {
  ScalarRange r;
  r.umin = a.umin >> count, r.umax = a.umax >> count;
  return r;
}

ScalarRange shift_right_arithmetic(const ScalarRange& a, uint64_t count, bool wide) {
  ScalarRange r;
  if (wide) {
    r.smin = a.smin >> count, r.smax = a.smax >> count;
  } else {
    r.smin32 = a.smin32 >> count, r.smax32 = a.smax32 >> count;
    r.umin = 0, r.umax = UINT32_MAX;
  }
  return r;
}

ScalarRange shift(uint8_t operation, const ScalarRange& a, const ScalarRange& b, bool wide) {
  uint64_t bits = wide ? 64 : 32;
  if (!b.is_constant()) {
    if (operation != BPF_RSH || b.umax >= bits) return {};
    ScalarRange r;
    r.umin = a.umin >> b.umax, r.umax = a.umax >> b.umin;
    return r;
  }
  uint64_t count = b.umin & (bits - 1);
  switch (operation) {
    case BPF_LSH:
      return shift_left(a, count, wide);
    case BPF_RSH:
      return shift_right(a, count);
    default:
      return shift_right_arithmetic(a, count, wide);
  }
}

uint64_t fold(uint8_t operation, uint64_t a, uint64_t b) {
  switch (operation) {
    case BPF_XOR:
      return a ^ b;
    case BPF_OR:
      return a | b;
    default:
      return a & b;
  }
}

ScalarRange bitwise(uint8_t operation, const ScalarRange& a, const ScalarRange& b) {
  if (a.is_constant() && b.is_constant())
    return ScalarRange::constant(fold(operation, a.umin, b.umin));
  ScalarRange r;
  if (operation == BPF_AND) {
    r.umin = 0, r.umax = std::min(a.umax, b.umax);
  } else {
    r.umin = operation == BPF_OR ? std::max(a.umin, b.umin) : 0;
    r.umax = all_ones_above(a.umax | b.umax);
  }
  return r;
}

ScalarRange compute(uint8_t operation, const ScalarRange& a, const ScalarRange& b, bool wide) {
  switch (operation) {
    case BPF_ADD:
      return add(a, b);
    case BPF_SUB:
      return subtract(a, b);
    case BPF_NEG:
      return subtract(ScalarRange::constant(0), a);
    case BPF_MUL:
      return multiply(a, b);
    case BPF_DIV:
      return divide(a, b);
    case BPF_MOD:
      return modulo(a, b);
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      return bitwise(operation, a, b);
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH:
      return shift(operation, a, b, wide);
    case BPF_MOV:
      return b;
    default:
      return {};
  }
}

// The 64-bit result of an operation on two zero-extended halves, cut to its low half.
ScalarRange cut(const ScalarRange& wide_result) {
  ScalarRange r = wide_result;
  r.sync();
  return r.low_half();
}

template <typename T>
bool narrow(T& min, T& max, T low, T high) {
  min = std::max(min, low);
  max = std::min(max, high);
  return min <= max;
}

// "a < b" (or <=) on one pair of intervals. False: impossible.
template <typename T>
bool make_less(T& amin, T& amax, T& bmin, T& bmax, bool or_equal) {
  T limit_a = bmax, limit_b = amin;
  if (!or_equal) {
    if (bmax == std::numeric_limits<T>::min() || amin == std::numeric_limits<T>::max())
      return false;
    limit_a = bmax - 1, limit_b = amin + 1;
  }
  return narrow(amin, amax, std::numeric_limits<T>::min(), limit_a) &&
         narrow(bmin, bmax, limit_b, std::numeric_limits<T>::max());
}

template <typename T>
bool make_equal(T& amin, T& amax, T& bmin, T& bmax) {
  return narrow(amin, amax, bmin, bmax) && narrow(bmin, bmax, amin, amax);
}

// "a != b" where b is one value: it may be cut off an end of a.
template <typename T>
bool exclude(T& min, T& max, T value) {
  if (min == max) return min != value;
  if (min == value) min++;
  if (max == value) max--;
  return min <= max;
}

bool refine_equal(bool wide, ScalarRange& a, ScalarRange& b) {
  bool possible = make_equal(a.umin32, a.umax32, b.umin32, b.umax32) &&
                  make_equal(a.smin32, a.smax32, b.smin32, b.smax32);
  if (wide)
    possible = possible && make_equal(a.umin, a.umax, b.umin, b.umax) &&
               make_equal(a.smin, a.smax, b.smin, b.smax);
  return possible;
}

bool refine_not_equal(bool wide, ScalarRange& a, const ScalarRange& b) {
  if (wide)
    return !b.is_constant() || (exclude(a.umin, a.umax, b.umin) &&
                                exclude(a.smin, a.smax, static_cast<int64_t>(b.umin)));
  return b.umin32 != b.umax32 || (exclude(a.umin32, a.umax32, b.umin32) &&
                                  exclude(a.smin32, a.smax32, static_cast<int32_t>(b.umin32)));
}

bool refine_less(bool is_signed, bool or_equal, bool wide, ScalarRange& a, ScalarRange& b) {
  if (wide)
    return is_signed ? make_less(a.smin, a.smax, b.smin, b.smax, or_equal)
                     : make_less(a.umin, a.umax, b.umin, b.umax, or_equal);
  return is_signed ? make_less(a.smin32, a.smax32, b.smin32, b.smax32, or_equal)
                   : make_less(a.umin32, a.umax32, b.umin32, b.umax32, or_equal);
}

// "(a & mask) == 0" with a known mask: a has no bit of it, hence cannot reach the mask's lowest bit if all higher are in it.
bool refine_test(bool outcome, bool wide, ScalarRange& a, const ScalarRange& b) {
  if (!b.is_constant() || !wide) return true;
  uint64_t mask = b.umin;
  if (mask == 0) return !outcome;
  if (a.is_constant()) return ((a.umin & mask) != 0) == outcome;
  bool all_above = mask == ~((mask & (0 - mask)) - 1);
  if (!outcome && all_above) return narrow(a.umin, a.umax, uint64_t{0}, (mask & (0 - mask)) - 1);
  return true;
}

bool is_empty(const ScalarRange& r) {
  return r.umin > r.umax || r.smin > r.smax || r.umin32 > r.umax32 || r.smin32 > r.smax32;
}

}  // namespace

ScalarRange ScalarRange::constant(uint64_t value) {
  auto low = static_cast<uint32_t>(value);
  return {value, value, static_cast<int64_t>(value), static_cast<int64_t>(value),
          low,   low,   static_cast<int32_t>(low),   static_cast<int32_t>(low)};
}

ScalarRange ScalarRange::below_or_equal(uint64_t max) {
  ScalarRange r;
  r.umax = max;
  r.sync();
  return r;
}

bool ScalarRange::contains(uint64_t value) const {
  auto low = static_cast<uint32_t>(value);
  auto s = static_cast<int64_t>(value);
  auto s32 = static_cast<int32_t>(low);
  return value >= umin && value <= umax && s >= smin && s <= smax && low >= umin32 &&
         low <= umax32 && s32 >= smin32 && s32 <= smax32;
}

bool ScalarRange::includes(const ScalarRange& other) const {
  return umin <= other.umin && umax >= other.umax && smin <= other.smin && smax >= other.smax &&
         umin32 <= other.umin32 && umax32 >= other.umax32 && smin32 <= other.smin32 &&
         smax32 >= other.smax32;
}

void ScalarRange::sync() {
  for (int round = 0; round < 2; round++) {
    // Unsigned from signed and back, where the interval does not cross the sign.
    if (smin >= 0 || smax < 0)
      narrow(umin, umax, static_cast<uint64_t>(smin), static_cast<uint64_t>(smax));
    if (static_cast<int64_t>(umin) <= static_cast<int64_t>(umax))
      narrow(smin, smax, static_cast<int64_t>(umin), static_cast<int64_t>(umax));
    // The low half from the whole, where the upper half is one value.
    if (umin >> 32 == umax >> 32)
      narrow(umin32, umax32, static_cast<uint32_t>(umin), static_cast<uint32_t>(umax));
    if (smin >= INT32_MIN && smax <= INT32_MAX)
      narrow(smin32, smax32, static_cast<int32_t>(smin), static_cast<int32_t>(smax));
    if (smin32 >= 0 || smax32 < 0)
      narrow(umin32, umax32, static_cast<uint32_t>(smin32), static_cast<uint32_t>(smax32));
    if (static_cast<int32_t>(umin32) <= static_cast<int32_t>(umax32))
      narrow(smin32, smax32, static_cast<int32_t>(umin32), static_cast<int32_t>(umax32));
    // The whole from the low half, where the upper half is one value.
    if (umin >> 32 == umax >> 32) {
      uint64_t upper = umin & ~uint64_t{UINT32_MAX};
      narrow(umin, umax, upper | umin32, upper | umax32);
    }
  }
}

ScalarRange ScalarRange::low_half() const {
  ScalarRange r;
  r.umin32 = umin32, r.umax32 = umax32, r.smin32 = smin32, r.smax32 = smax32;
  r.umin = umin32, r.umax = umax32;
  r.smin = 0, r.smax = UINT32_MAX;
  r.sync();
  return r;
}

ScalarRange range_of_operation(uint8_t operation, const ScalarRange& a, const ScalarRange& b,
                               bool wide) {
  if (wide) {
    ScalarRange r = compute(operation, a, b, true);
    r.sync();
    return r;
  }
  return cut(compute(operation, a.low_half(), b.low_half(), false));
}

bool refine(uint8_t operation, bool outcome, bool wide, ScalarRange& a, ScalarRange& b) {
  bool possible = true;
  switch (operation) {
    case BPF_JEQ:
    case BPF_JNE:
      possible = (operation == BPF_JEQ) == outcome
                     ? refine_equal(wide, a, b)
                     : refine_not_equal(wide, a, b) && refine_not_equal(wide, b, a);
      break;
    case BPF_JSET:
      possible = refine_test(outcome, wide, a, b);
      break;
    // a > b is b < a; not (a > b) is a <= b.
    case BPF_JGT:
      possible =
          outcome ? refine_less(false, false, wide, b, a) : refine_less(false, true, wide, a, b);
      break;
    case BPF_JGE:
      possible =
          outcome ? refine_less(false, true, wide, b, a) : refine_less(false, false, wide, a, b);
      break;
    case BPF_JLT:
      possible =
          outcome ? refine_less(false, false, wide, a, b) : refine_less(false, true, wide, b, a);
      break;
    case BPF_JLE:
      possible =
          outcome ? refine_less(false, true, wide, a, b) : refine_less(false, false, wide, b, a);
      break;
    case BPF_JSGT:
      possible =
          outcome ? refine_less(true, false, wide, b, a) : refine_less(true, true, wide, a, b);
      break;
    case BPF_JSGE:
      possible =
          outcome ? refine_less(true, true, wide, b, a) : refine_less(true, false, wide, a, b);
      break;
    case BPF_JSLT:
      possible =
          outcome ? refine_less(true, false, wide, a, b) : refine_less(true, true, wide, b, a);
      break;
    case BPF_JSLE:
      possible =
          outcome ? refine_less(true, true, wide, a, b) : refine_less(true, false, wide, b, a);
      break;
    default:
      break;
  }
  if (!possible) return false;
  a.sync();
  b.sync();
  return !is_empty(a) && !is_empty(b);
}

}  // namespace bt::loader
