// SPDX-License-Identifier: MIT
// Every operation and every comparison on random intervals and random numbers from them: what comes out must be inside.
#include "loader/scalar_range.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <random>

namespace bt::loader {
namespace {

class Numbers {
 public:
  uint64_t number() {
    constexpr uint64_t kEdges[] = {0,
                                   1,
                                   2,
                                   31,
                                   32,
                                   63,
                                   64,
                                   0x7fff'ffff,
                                   0x8000'0000,
                                   0xffff'ffff,
                                   0x1'0000'0000,
                                   0x7fff'ffff'ffff'ffff,
                                   0x8000'0000'0000'0000,
                                   ~0ull};
    uint64_t value = kEdges[random_() % 14] + random_() % 5 - 2;
    return random_() % 3 ? value : random_() >> (random_() % 64);
  }
  uint64_t below(uint64_t n) { return random_() % n; }
  // An interval and a number in it.
  ScalarRange range(uint64_t& inside) {
    inside = number();
    ScalarRange r;
    switch (below(4)) {
      case 0:
        return ScalarRange::constant(inside);
      case 1: {
        uint64_t other = number();
        r.umin = std::min(inside, other), r.umax = std::max(inside, other);
        break;
      }
      case 2: {
        auto a = static_cast<int64_t>(inside), b = static_cast<int64_t>(number());
        r.smin = std::min(a, b), r.smax = std::max(a, b);
        break;
      }
      default: {
        auto a = static_cast<int32_t>(inside), b = static_cast<int32_t>(number());
        r.smin32 = std::min(a, b), r.smax32 = std::max(a, b);
      }
    }
    r.sync();
    return r;
  }

 private:
  std::mt19937_64 random_{42};
};

uint64_t compute(int op, uint64_t a, uint64_t b, bool wide) {
  if (!wide) a = static_cast<uint32_t>(a), b = static_cast<uint32_t>(b);
  unsigned bits = wide ? 63 : 31;
  uint64_t r = 0;
  switch (op) {
    case BPF_ADD:
      r = a + b;
      break;
    case BPF_SUB:
      r = a - b;
      break;
    case BPF_MUL:
      r = a * b;
      break;
    case BPF_DIV:
      r = b ? a / b : 0;
      break;
    case BPF_MOD:
      r = b ? a % b : a;
      break;
    case BPF_OR:
      r = a | b;
      break;
    case BPF_AND:
      r = a & b;
      break;
    case BPF_XOR:
      r = a ^ b;
      break;
    case BPF_LSH:
      r = a << (b & bits);
      break;
    case BPF_RSH:
      r = a >> (b & bits);
      break;
    case BPF_NEG:
      r = 0 - a;
      break;
    case BPF_MOV:
      r = b;
      break;
    default:
      r = wide ? static_cast<uint64_t>(static_cast<int64_t>(a) >> (b & 63))
               : static_cast<uint32_t>(static_cast<int32_t>(a) >> (b & 31));
  }
  return wide ? r : static_cast<uint32_t>(r);
}

template <typename U, typename S>
bool holds(int op, U a, U b) {
  switch (op) {
    case BPF_JEQ:
      return a == b;
    case BPF_JNE:
      return a != b;
    case BPF_JGT:
      return a > b;
    case BPF_JGE:
      return a >= b;
    case BPF_JLT:
      return a < b;
    case BPF_JLE:
      return a <= b;
    case BPF_JSET:
      return a & b;
    case BPF_JSGT:
      return static_cast<S>(a) > static_cast<S>(b);
    case BPF_JSGE:
      return static_cast<S>(a) >= static_cast<S>(b);
    case BPF_JSLT:
      return static_cast<S>(a) < static_cast<S>(b);
    default:
      return static_cast<S>(a) <= static_cast<S>(b);
  }
}

TEST(scalar_range, results_of_operations_are_inside) {
  Numbers numbers;
  for (int i = 0; i < 2'000'000; i++) {
    constexpr int kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_OR,  BPF_AND,
                            BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG, BPF_MOV, BPF_ARSH};
    int op = kOps[numbers.below(13)];
    bool wide = numbers.below(2);
    uint64_t x, y;
    ScalarRange a = numbers.range(x), b = numbers.range(y);
    ASSERT_TRUE(a.contains(x) && b.contains(y));
    ScalarRange r = range_of_operation(static_cast<uint8_t>(op), a, b, wide);
    ASSERT_TRUE(r.contains(compute(op, x, y, wide)))
        << std::hex << "op " << op << " wide " << wide << " " << x << " " << y;
  }
}

TEST(scalar_range, comparisons_cut_off_nothing_that_is_possible) {
  Numbers numbers;
  for (int i = 0; i < 2'000'000; i++) {
    constexpr int kOps[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
                            BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};
    int op = kOps[numbers.below(11)];
    bool wide = numbers.below(2);
    uint64_t x, y;
    ScalarRange a = numbers.range(x), b = numbers.range(y);
    bool outcome =
        wide ? holds<uint64_t, int64_t>(op, x, y)
             : holds<uint32_t, int32_t>(op, static_cast<uint32_t>(x), static_cast<uint32_t>(y));
    ASSERT_TRUE(refine(static_cast<uint8_t>(op), outcome, wide, a, b))
        << std::hex << "op " << op << " wide " << wide << " " << x << " " << y;
    ASSERT_TRUE(a.contains(x) && b.contains(y))
        << std::hex << "op " << op << " wide " << wide << " " << x << " " << y;
  }
}

TEST(scalar_range, an_impossible_outcome_is_said_to_be_so) {
  ScalarRange a = ScalarRange::below_or_equal(10), b = ScalarRange::constant(20);
  EXPECT_FALSE(refine(BPF_JGT, true, true, a, b));
  a = ScalarRange::constant(5), b = ScalarRange::constant(5);
  EXPECT_FALSE(refine(BPF_JNE, true, true, a, b));
}

}  // namespace
}  // namespace bt::loader
