// SPDX-License-Identifier: MIT
// The JIT against the interpreter on random programs: arithmetic of both widths, every jump, loads and stores of every
// size, atomics, functions and tail calls. Programs are safe by construction (memory is the stack alone, jumps go
// forward), so the verifier is not asked. Fixed seed; BT_LONG=1 runs two million.
//
// Not covered: helpers, and pointers into maps (dispatch_test.cc and tests/hooks run those).
#include "hooks/jit_x86_64.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "hooks/interpreter.h"
#include "hooks/test_image.h"
#include "hooks/test_insns.h"

namespace bt::hooks {
namespace {

using namespace insn;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::vector<bpf_insn> program() {
    out_.clear();
    for (int r = 0; r < 10; r++) constant(r);
    for (int off = -64; off < 0; off += 8) out_.push_back(store(BPF_DW, 10, off, pick(0, 9)));
    int count = pick(1, 40);
    bool calls = pick(0, 3) == 0;
    std::vector<size_t> call_sites;
    for (int i = 0; i < count; i++) {
      if (calls && pick(0, 9) == 0) {
        call_sites.push_back(out_.size());
        out_.push_back(call_function(0));
        for (int r = 1; r < 6; r++) out_.push_back(mov(r, immediate()));
      } else {
        random_insn(count - i);
      }
    }
    fold();
    if (!call_sites.empty()) {
      size_t function = out_.size();
      for (size_t site : call_sites) out_[site].imm = static_cast<int32_t>(function - site - 1);
      for (int r : {0, 6, 7, 8, 9}) constant(r);
      for (int off = -64; off < 0; off += 8) out_.push_back(store(BPF_DW, 10, off, pick(1, 5)));
      for (int i = 0; i < 8; i++) random_insn(8 - i);
      fold();
    }
    return out_;
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  int32_t immediate() {
    switch (pick(0, 3)) {
      case 0:
        return pick(-4, 4);
      case 1:
        return static_cast<int32_t>(0x8000'0000u);
      default:
        return static_cast<int32_t>(random_());
    }
  }
  void constant(int r) {
    uint64_t value = pick(0, 2) ? random_() : static_cast<uint64_t>(int64_t{immediate()});
    out_.push_back(load64(r, value));
    out_.push_back(half(value));
  }
  int size() {
    constexpr int kSizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
    return kSizes[pick(0, 3)];
  }
  static int bytes_of(int size) {
    return size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8;
  }
  int offset(int size) { return pick(-64, -bytes_of(size)); }

  void random_insn(int left) {
    int a = pick(0, 9), b = pick(0, 9);
    switch (pick(0, 9)) {
      case 0:
      case 1:
      case 2:
        arithmetic(a, b, BPF_ALU64);
        break;
      case 3:
      case 4:
        arithmetic(a, b, BPF_ALU);
        break;
      case 5: {
        constexpr int kBits[] = {16, 32, 64};
        out_.push_back(raw(BPF_ALU | BPF_END | (pick(0, 1) ? BPF_TO_BE : BPF_TO_LE), a, 0, 0,
                           kBits[pick(0, 2)]));
        break;
      }
      case 6:
        branch(a, b, left);
        break;
      case 7: {
        int s = size();
        out_.push_back(load(s, a, 10, offset(s)));
        break;
      }
      case 8: {
        int s = size();
        out_.push_back(pick(0, 1) ? store(s, 10, offset(s), b)
                                  : store_imm(s, 10, offset(s), immediate()));
        break;
      }
      default:
        random_atomic(b);
    }
  }
  void arithmetic(int a, int b, int kind) {
    constexpr int kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND, BPF_LSH,
                            BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH};
    int op = kOps[pick(0, 12)];
    if (op == BPF_NEG) return out_.push_back(raw(kind | op, a, 0, 0, 0));
    if (pick(0, 1)) return out_.push_back(raw(kind | op | BPF_X, a, b, 0, 0));
    bool shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
    out_.push_back(
        raw(kind | op | BPF_K, a, 0, 0, shift ? pick(0, kind == BPF_ALU ? 31 : 63) : immediate()));
  }
  // Over one instruction at most: the next one is a single one, or the target is the end of the body.
  void branch(int a, int b, int left) {
    if (left < 2) return;
    constexpr int kOps[] = {BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
                            BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE};
    int op = kOps[pick(0, 10)], kind = pick(0, 1) ? BPF_JMP : BPF_JMP32;
    if (pick(0, 1))
      out_.push_back(raw(kind | op | BPF_X, a, b, 1, 0));
    else
      out_.push_back(raw(kind | op | BPF_K, a, 0, 1, immediate()));
    arithmetic(pick(0, 9), pick(0, 9), BPF_ALU64);
  }
  void random_atomic(int b) {
    constexpr int kOps[] = {BPF_ADD,
                            BPF_OR,
                            BPF_AND,
                            BPF_XOR,
                            BPF_ADD | BPF_FETCH,
                            BPF_OR | BPF_FETCH,
                            BPF_AND | BPF_FETCH,
                            BPF_XOR | BPF_FETCH,
                            BPF_XCHG,
                            BPF_CMPXCHG};
    int s = pick(0, 1) ? BPF_W : BPF_DW;
    int off = -8 * pick(1, 8);
    if (pick(0, 1)) out_.push_back(load(s, 0, 10, off));  // so that half of the cmpxchg succeed
    // Through other base registers too, r0 among them.
    int base = 10;
    if (pick(0, 1)) {
      base = pick(0, 9);
      out_.push_back(mov_reg(base, 10));
    }
    out_.push_back(atomic(s, kOps[pick(0, 9)], base, off, b == base ? (base + 1) % 10 : b));
    if (base != 10) out_.push_back(mov(base, immediate()));
  }
  // r0 = a mix of everything, so that any difference shows.
  void fold() {
    for (int r = 1; r < 10; r++) {
      out_.push_back(alu(BPF_MUL, 0, 0x1000193));
      out_.push_back(alu_reg(BPF_XOR, 0, r));
    }
    for (int off = -64; off < 0; off += 8) {
      out_.push_back(load(BPF_DW, 1, 10, off));
      out_.push_back(alu(BPF_MUL, 0, 0x1000193));
      out_.push_back(alu_reg(BPF_ADD, 0, 1));
    }
    out_.push_back(exit());
  }

  std::mt19937_64 random_;
  std::vector<bpf_insn> out_;
};

// The address of the stack is the same in both runs, so programs may even compute with it.
TEST(jit, equals_the_interpreter_on_random_programs) {
  uint64_t count = std::getenv("BT_LONG") && *std::getenv("BT_LONG") ? 2'000'000 : 6'000;
  static Thread thread;
  prepare_thread(thread);
  uint64_t context[8] = {};
  for (uint64_t seed = 1; seed <= count; seed++) {
    TestImage image({{Generator(seed).program()}}, {});
    ASSERT_NE(image.image(), nullptr);
    const LoadedProgram& program = image.program(0);
    ASSERT_NE(program.jit, nullptr);
    thread.image = image.image();
    uint64_t expected = interpret(program, context, thread);
    uint64_t found = program.jit(context, &thread);
    ASSERT_EQ(expected, found) << "seed " << seed;
  }
}

uint64_t run_both(const std::vector<bpf_insn>& insns) {
  static Thread thread;
  prepare_thread(thread);
  uint64_t context[8] = {11, 22, 33};
  TestImage image({{insns}}, {});
  thread.image = image.image();
  uint64_t interpreted = interpret(image.program(0), context, thread);
  EXPECT_EQ(image.program(0).jit(context, &thread), interpreted);
  return interpreted;
}

TEST(jit, cmpxchg32_zero_extends_r0_when_it_succeeds) {
  EXPECT_EQ(run_both({store_imm(BPF_DW, 10, -8, 5), load64(0, 0xffff'ffff'0000'0005),
                      half(0xffff'ffff'0000'0005), mov(1, 7), atomic(BPF_W, BPF_CMPXCHG, 10, -8, 1),
                      exit()}),
            5u);
}

TEST(jit, division_and_modulo_by_zero_are_the_kernels) {
  EXPECT_EQ(run_both({mov(0, 7), mov(1, 0), alu_reg(BPF_DIV, 0, 1), exit()}), 0u);
  EXPECT_EQ(run_both({mov(0, 7), mov(1, 0), alu_reg(BPF_MOD, 0, 1), exit()}), 7u);
  EXPECT_EQ(run_both({mov(0, -1), mov(1, 0), alu32_reg(BPF_MOD, 0, 1), exit()}), 0xffff'ffffu);
}

TEST(jit, functions_have_a_frame_of_their_own_and_keep_r6_to_r9) {
  EXPECT_EQ(run_both({store_imm(BPF_DW, 10, -8, 1), mov(6, 100), call_function(3),
                      load(BPF_DW, 1, 10, -8), alu_reg(BPF_ADD, 0, 1), exit(),
                      store_imm(BPF_DW, 10, -8, 50), mov(6, 0), load(BPF_DW, 0, 10, -8), exit()}),
            51u);
}

TEST(jit, a_tail_call_replaces_the_program_and_ends_after_33) {
  static Thread thread;
  prepare_thread(thread);
  // Counts in map 1 and tail-calls itself for ever.
  std::vector<bpf_insn> insns = {mov_reg(6, 1),
                                 load_map_value(7, 1),
                                 value_offset(0),
                                 mov(8, 1),
                                 atomic(BPF_DW, BPF_ADD, 7, 0, 8),
                                 mov_reg(1, 6),
                                 load_map(2, 0),
                                 half(0),
                                 mov(3, 0),
                                 call(BPF_FUNC_tail_call),
                                 mov(0, 9),
                                 exit()};
  for (bool interpret_it : {false, true}) {
    TestImage image({{insns}}, {{BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1}, {BPF_MAP_TYPE_ARRAY, 4, 8, 1}},
                    interpret_it);
    *static_cast<uint32_t*>(value_at(image.map(0), 0, 0)) = 1;
    uint64_t context[8] = {};
    EXPECT_EQ(run_program(image.program(0), context, thread), 9u);
    EXPECT_EQ(*static_cast<uint64_t*>(value_at(image.map(1), 0, 0)), 34u);
  }
}

TEST(jit, code_is_never_writable_and_executable) {
  TestImage image({{{mov(0, 0), exit()}}}, {});
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  bool found = false;
  while (fgets(line, sizeof line, maps)) {
    uint64_t begin, end;
    char mode[5];
    if (sscanf(line, "%lx-%lx %4s", &begin, &end, mode) != 3) continue;
    auto code = reinterpret_cast<uint64_t>(image.image()->code);
    if (code < begin || code >= end) continue;
    found = true;
    EXPECT_STREQ(mode, "r-xp");
  }
  fclose(maps);
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace bt::hooks
