// SPDX-License-Identifier: MIT
// What the verifier accepts and what it refuses, with which words. The cases of facts/ebpf.md's table are the first of each
// list; tests/hooks runs the same from C, compiled for v2 and v3.
#include "loader/verifier.h"

#include <gtest/gtest.h>

#include "hooks/helpers.h"
#include "hooks/test_insns.h"
#include "loader/test_maps.h"

namespace bt::loader {
namespace {

using namespace hooks::insn;
using Code = std::vector<bpf_insn>;

Code operator+(Code a, const Code& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Code load_map_to(int reg, int map) { return {load_map(reg, map), half(0)}; }
Code done() { return {mov(0, 0), exit()}; }
// r0 = lookup in a map with a 4-byte key 0; clobbers stack −4.
Code lookup(int map) {
  return Code{store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4)} +
         load_map_to(1, map) + Code{call(BPF_FUNC_map_lookup_elem)};
}
// The same, and returns 0 from the program if there was nothing.
Code lookup_checked(int map) { return lookup(map) + Code{jump_if(BPF_JNE, 0, 0, 2)} + done(); }
Code reserve(int size) {
  return load_map_to(1, kRing) + Code{mov(2, size), mov(3, 0), call(BPF_FUNC_ringbuf_reserve)};
}
Code reserve_checked(int size) { return reserve(size) + Code{jump_if(BPF_JNE, 0, 0, 2)} + done(); }
Code submit(int reg) { return {mov_reg(1, reg), mov(2, 0), call(BPF_FUNC_ringbuf_submit)}; }
Code helper(int id) { return {call(id)}; }

Verdict judge(const Code& code, ContextKind context = ContextKind::kSysEnter) {
  static const std::vector<VerifiedMap> maps = test_maps();
  return verify({code, maps, context});
}

struct Case {
  const char* name;
  Code code;
  const char* refusal = nullptr;  // part of the reason; null = accepted
  ContextKind context = ContextKind::kSysEnter;
};

void check(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    Verdict verdict = judge(test.code, test.context);
    if (!test.refusal) {
      EXPECT_TRUE(verdict.accepted)
          << test.name << ": refused at " << verdict.insn << ": " << verdict.reason;
    } else {
      EXPECT_FALSE(verdict.accepted) << test.name << ": accepted";
      EXPECT_NE(verdict.reason.find(test.refusal), std::string::npos)
          << test.name << ": said " << verdict.reason;
    }
  }
}

TEST(verifier, map_values) {
  check({
      {"lookup with null check",
       lookup_checked(kArray) + Code{store_imm(BPF_DW, 0, 0, 1)} + done()},
      {"last byte", lookup_checked(kArray) + Code{store_imm(BPF_B, 0, 63, 1)} + done()},
      {"no null check", lookup(kArray) + Code{load(BPF_DW, 1, 0, 0)} + done(), "may be null"},
      {"check of a copy",
       lookup(kArray) + Code{mov_reg(6, 0), jump_if(BPF_JEQ, 6, 0, 1), load(BPF_DW, 1, 0, 0)} +
           done()},
      {"used on the null side",
       lookup(kArray) + Code{jump_if(BPF_JNE, 0, 0, 1), load(BPF_DW, 1, 0, 0)} + done(),
       "not an address"},
      {"beyond the value", lookup_checked(kArray) + Code{load(BPF_DW, 1, 0, 57)} + done(),
       "of a map value of 64 bytes"},
      {"before the value", lookup_checked(kArray) + Code{load(BPF_B, 1, 0, -1)} + done(),
       "map value"},
      {"arithmetic before the check", lookup(kArray) + Code{alu(BPF_ADD, 0, 8)} + done(),
       "check it first"},
      {"pointer stored into a map", lookup_checked(kArray) + Code{store(BPF_DW, 0, 0, 10)} + done(),
       "other programs can read"},
      {"pointer exchanged into a map",
       lookup_checked(kArray) + Code{atomic(BPF_DW, BPF_XCHG, 0, 0, 10)} + done(),
       "other programs can read"},
      {"atomic add",
       lookup_checked(kArray) + Code{mov(1, 1), atomic(BPF_DW, BPF_ADD, 0, 0, 1)} + done()},
      {"used value of fetch-and-add",
       lookup_checked(kArray) +
           Code{mov(1, 1), atomic(BPF_DW, BPF_ADD | BPF_FETCH, 0, 0, 1), mov_reg(0, 1), exit()}},
      {"misaligned atomic",
       lookup_checked(kArray) + Code{mov(1, 1), atomic(BPF_DW, BPF_ADD, 0, 4, 1)} + done(),
       "misaligned"},
      {"atomic beyond",
       lookup_checked(kArray) + Code{mov(1, 1), atomic(BPF_DW, BPF_ADD, 0, 64, 1)} + done(),
       "map value"},
      {"address of a value",
       Code{load_map_value(1, kSmall), value_offset(0), store_imm(BPF_DW, 1, 0, 1)} + done()},
      {"address beyond a value", Code{load_map_value(1, kSmall), value_offset(8)} + done(),
       "outside of a map's value"},
      {"address into a hash", Code{load_map_value(1, kHash), value_offset(0)} + done(),
       "outside of a map's value"},
      {"write to constants",
       Code{load_map_value(1, kConstants), value_offset(0), store_imm(BPF_B, 1, 0, 1)} + done(),
       "read-only"},
      {"read of constants",
       Code{load_map_value(1, kConstants), value_offset(0), load(BPF_W, 0, 1, 0), exit()}},
      {"no such map", Code{load_map(1, 77), half(0)} + done(), "no such map"},
      {"arithmetic on a map", load_map_to(1, kArray) + Code{alu(BPF_ADD, 1, 8)} + done(),
       "arithmetic on a map"},
      {"read of a map", load_map_to(1, kArray) + Code{load(BPF_W, 2, 1, 0)} + done(),
       "not an address"},
  });
}

// r6 = a number from the context, r0 = a value of 64 bytes.
Code indexed(const Code& bound, const Code& use) {
  return Code{load(BPF_DW, 6, 1, 16)} + lookup_checked(kArray) + bound + use + done();
}

TEST(verifier, indexes) {
  Code use = {alu_reg(BPF_ADD, 0, 6), store_imm(BPF_B, 0, 0, 1)};
  check({
      {"masked", indexed({alu(BPF_AND, 6, 63)}, use)},
      {"masked too wide", indexed({alu(BPF_AND, 6, 127)}, use), "of a map value"},
      {"unbounded", indexed({}, use), "unbounded"},
      {"compared", indexed({jump_if(BPF_JGT, 6, 63, 2)}, use)},
      {"compared, off by one", indexed({jump_if(BPF_JGT, 6, 64, 2)}, use), "of a map value"},
      {"compared as signed", indexed({jump_if(BPF_JSGT, 6, 63, 2)}, use), "unbounded"},
      {"compared as signed from both sides",
       indexed({jump_if(BPF_JSGT, 6, 63, 3), jump_if(BPF_JSLT, 6, 0, 2)}, use)},
      {"wrong side", indexed({jump_if(BPF_JLE, 6, 63, 2)}, use), "unbounded"},
      {"modulo", indexed({alu(BPF_MOD, 6, 64)}, use)},
      {"modulo by zero keeps it", indexed({mov(7, 0), alu_reg(BPF_MOD, 6, 7)}, use), "unbounded"},
      {"shifted down", indexed({alu(BPF_RSH, 6, 58)}, use)},
      {"shifted down, one too few", indexed({alu(BPF_RSH, 6, 57)}, use), "of a map value"},
      {"arithmetic shift", indexed({alu(BPF_ARSH, 6, 58)}, use), "of a map value"},
      {"negative after subtraction", indexed({alu(BPF_AND, 6, 31), alu(BPF_SUB, 6, 1)}, use),
       "of a map value"},
      {"scaled", indexed({alu(BPF_AND, 6, 7), alu(BPF_LSH, 6, 3)}, use)},
      {"scaled too far", indexed({alu(BPF_AND, 6, 15), alu(BPF_LSH, 6, 3)}, use), "of a map value"},
      {"multiplied", indexed({alu(BPF_AND, 6, 3), alu(BPF_MUL, 6, 21)}, use)},
      {"xor of small numbers", indexed({alu(BPF_AND, 6, 31), alu(BPF_XOR, 6, 32)}, use)},
      {"or grows to all ones", indexed({alu(BPF_AND, 6, 32), alu(BPF_OR, 6, 31)}, use)},
      {"v3: copy compared in 32 bits",
       indexed({mov32_reg(6, 6), mov32_reg(7, 6), jump32_if(BPF_JGT, 7, 63, 2)}, use)},
      {"32-bit compare of a 64-bit number", indexed({jump32_if(BPF_JGT, 6, 63, 2)}, use),
       "unbounded"},
      {"32-bit compare, then cut", indexed({jump32_if(BPF_JGT, 6, 63, 3), mov32_reg(6, 6)}, use)},
      {"v2: extended by shifts, compared",
       indexed({alu(BPF_LSH, 6, 32), alu(BPF_RSH, 6, 32), jump_if(BPF_JGT, 6, 63, 2)}, use)},
      {"compared with a register", indexed({mov(7, 63), jump_if_reg(BPF_JGT, 6, 7, 2)}, use)},
      {"compared through a copy", indexed({mov_reg(7, 6), jump_if(BPF_JGT, 7, 63, 2)}, use)},
      {"a copy that was changed says nothing",
       indexed({mov_reg(7, 6), alu(BPF_ADD, 7, 1), jump_if(BPF_JGT, 7, 63, 2)}, use), "unbounded"},
      {"compared through the stack",
       indexed({store(BPF_DW, 10, -16, 6), load(BPF_DW, 7, 10, -16), jump_if(BPF_JGT, 7, 63, 2)},
               use)},
      {"equal to a constant", indexed({jump_if(BPF_JNE, 6, 40, 2)}, use)},
      {"subtracted from the pointer",
       indexed({alu(BPF_AND, 6, 7)},
               {alu(BPF_ADD, 0, 7), alu_reg(BPF_SUB, 0, 6), store_imm(BPF_B, 0, 0, 1)})},
      {"subtracted too far",
       indexed({alu(BPF_AND, 6, 8)},
               {alu(BPF_ADD, 0, 7), alu_reg(BPF_SUB, 0, 6), store_imm(BPF_B, 0, 0, 1)}),
       "map value"},
  });
}

TEST(verifier, context) {
  std::vector<Case> cases = {
      {"read", Code{load(BPF_DW, 0, 1, 16), exit()}},
      {"write", Code{store_imm(BPF_DW, 1, 16, 0)} + done(), "read-only"},
      {"atomic", Code{mov(2, 1), atomic(BPF_DW, BPF_ADD, 1, 16, 2)} + done(),
       "atomic operation on the context"},
      {"variable offset",
       Code{load(BPF_DW, 2, 1, 16), alu(BPF_AND, 2, 7), alu_reg(BPF_ADD, 1, 2)} + done(),
       "variable offset"},
      {"decide may answer", Code{store_imm(BPF_DW, 1, 8, -13), store_imm(BPF_W, 1, 4, 2)} + done(),
       nullptr, ContextKind::kDecide},
      {"decide, half of ret", Code{store_imm(BPF_W, 1, 8, 1)} + done(), "read-only field",
       ContextKind::kDecide},
      {"decide, an argument", Code{store_imm(BPF_DW, 1, 24, 1)} + done(), "read-only field",
       ContextKind::kDecide},
      {"enter may not answer", Code{store_imm(BPF_W, 1, 4, 2)} + done(), "read-only",
       ContextKind::kCall},
      {"pointer into the context", Code{store(BPF_DW, 1, 8, 10)} + done(),
       "other programs can read", ContextKind::kDecide},
      {"path helper of a tracepoint",
       Code{mov_reg(2, 10), alu(BPF_ADD, 2, -8), mov(3, 8), call(2002)} + done(), "for btfuse/"},
      {"path helper", Code{mov_reg(2, 10), alu(BPF_ADD, 2, -8), mov(3, 8), call(2002)} + done(),
       nullptr, ContextKind::kCall},
      {"a moved context as context",
       Code{alu(BPF_ADD, 1, 8), mov(2, 1), call(BPF_FUNC_override_return)} + done(),
       "must be the context"},
      {"override", Code{mov(2, -1), call(BPF_FUNC_override_return)} + done()},
  };
  struct Size {
    ContextKind kind;
    int bytes;
  };
  for (Size size : {Size{ContextKind::kSysEnter, 64}, Size{ContextKind::kSysExit, 24},
                    Size{ContextKind::kDecide, 120}, Size{ContextKind::kCall, 120}})
    for (int width : {1, 2, 4, 8}) {
      int code = width == 1 ? BPF_B : width == 2 ? BPF_H : width == 4 ? BPF_W : BPF_DW;
      cases.push_back(
          {"last field", Code{load(code, 0, 1, size.bytes - width), exit()}, nullptr, size.kind});
      cases.push_back({"one byte too far", Code{load(code, 0, 1, size.bytes - width + 1), exit()},
                       "context of", size.kind});
      cases.push_back({"before it", Code{load(code, 0, 1, -1), exit()}, "context of", size.kind});
    }
  check(cases);
}

TEST(verifier, stack) {
  std::vector<Case> cases = {
      {"write and read", Code{store_imm(BPF_DW, 10, -8, 1), load(BPF_DW, 0, 10, -8), exit()}},
      {"not initialised", Code{load(BPF_DW, 0, 10, -8), exit()}, "not initialised"},
      {"half initialised", Code{store_imm(BPF_W, 10, -8, 1), load(BPF_DW, 0, 10, -8), exit()},
       "not initialised"},
      {"initialised on one path",
       Code{load(BPF_DW, 2, 1, 16), jump_if(BPF_JEQ, 2, 0, 1), store_imm(BPF_DW, 10, -8, 1),
            load(BPF_DW, 0, 10, -8), exit()},
       "not initialised"},
      {"below the frame", Code{store_imm(BPF_DW, 10, -520, 1)} + done(), "of a stack of 512"},
      {"the lowest bytes", Code{store_imm(BPF_DW, 10, -512, 1)} + done()},
      {"above the frame", Code{store_imm(BPF_B, 10, 0, 1)} + done(), "of a stack of 512"},
      {"across the top", Code{store_imm(BPF_DW, 10, -7, 1)} + done(), "of a stack of 512"},
      {"write to r10", Code{mov(10, 0)} + done(), "read only"},
      {"five spilled lookups",
       lookup_checked(kArray) + Code{store(BPF_DW, 10, -16, 0)} + lookup_checked(kArray) +
           Code{store(BPF_DW, 10, -24, 0), load(BPF_DW, 6, 10, -16), load(BPF_DW, 7, 10, -24),
                load(BPF_DW, 1, 6, 0), store(BPF_DW, 7, 8, 1)} +
           done()},
      {"a spilled pointer read in part",
       Code{store(BPF_DW, 10, -8, 1), load(BPF_W, 0, 10, -8), exit()}, "part of a pointer"},
      {"a pointer stored in part", Code{store(BPF_W, 10, -8, 1)} + done(), "part of a pointer"},
      {"a pointer stored askew", Code{store(BPF_DW, 10, -12, 1)} + done(), "part of a pointer"},
      {"an overwritten pointer is none",
       Code{store(BPF_DW, 10, -8, 1), store_imm(BPF_B, 10, -8, 0), load(BPF_DW, 2, 10, -8),
            load(BPF_DW, 0, 2, 0), exit()},
       "not initialised"},
      {"a spilled number keeps its bounds",
       Code{load(BPF_DW, 6, 1, 16), alu(BPF_AND, 6, 63), store(BPF_DW, 10, -16, 6)} +
           lookup_checked(kArray) +
           Code{load(BPF_DW, 7, 10, -16), alu_reg(BPF_ADD, 0, 7), store_imm(BPF_B, 0, 0, 1)} +
           done()},
      {"variable read of data",
       Code{store_imm(BPF_DW, 10, -8, 1), store_imm(BPF_DW, 10, -16, 1), load(BPF_DW, 2, 1, 16),
            alu(BPF_AND, 2, 15), mov_reg(3, 10), alu(BPF_ADD, 3, -16), alu_reg(BPF_ADD, 3, 2),
            load(BPF_B, 0, 3, 0), exit()}},
      {"variable read beyond data",
       Code{store_imm(BPF_DW, 10, -8, 1), load(BPF_DW, 2, 1, 16), alu(BPF_AND, 2, 15),
            mov_reg(3, 10), alu(BPF_ADD, 3, -16), alu_reg(BPF_ADD, 3, 2), load(BPF_B, 0, 3, 0),
            exit()},
       "not initialised"},
      {"variable write over a pointer",
       Code{store(BPF_DW, 10, -8, 1), load(BPF_DW, 2, 1, 16), alu(BPF_AND, 2, 7), mov_reg(3, 10),
            alu(BPF_ADD, 3, -8), alu_reg(BPF_ADD, 3, 2), store_imm(BPF_B, 3, 0, 1)} +
           done(),
       "part of a pointer"},
      {"variable read out of the frame",
       Code{store_imm(BPF_DW, 10, -8, 1), load(BPF_DW, 2, 1, 16), alu(BPF_AND, 2, 15),
            mov_reg(3, 10), alu(BPF_ADD, 3, -8), alu_reg(BPF_ADD, 3, 2), load(BPF_B, 0, 3, 0),
            exit()},
       "of a stack of 512"},
      {"atomic on data",
       Code{store_imm(BPF_DW, 10, -8, 1), mov(2, 1), atomic(BPF_DW, BPF_ADD, 10, -8, 2)} + done()},
      {"atomic on nothing", Code{mov(2, 1), atomic(BPF_DW, BPF_ADD, 10, -8, 2)} + done(),
       "not initialised"},
  };
  check(cases);
}

TEST(verifier, registers_and_arithmetic) {
  std::vector<Case> cases = {
      {"r0 missing at the end", {exit()}, "r0 is not initialised"},
      {"a pointer as result", Code{mov_reg(0, 1), exit()}, "returns the context"},
      {"two pointers", Code{mov_reg(2, 10), alu_reg(BPF_ADD, 2, 1)} + done(),
       "arithmetic on two pointers"},
      {"a pointer multiplied", Code{alu(BPF_MUL, 1, 2)} + done(), "only addition and subtraction"},
      {"a pointer masked", Code{alu(BPF_AND, 1, -8)} + done(), "only addition and subtraction"},
      {"a pointer negated", Code{raw(BPF_ALU64 | BPF_NEG, 1, 0, 0, 0)} + done(),
       "only addition and subtraction"},
      {"number minus pointer", Code{mov(2, 8), alu_reg(BPF_SUB, 2, 1)} + done(),
       "only addition and subtraction"},
      {"a pointer in 32 bits", Code{alu32(BPF_ADD, 1, 8)} + done(),
       "32-bit arithmetic on a pointer"},
      {"a pointer moved in 32 bits", Code{mov32_reg(2, 1)} + done(), "lose its upper half"},
      {"pointers compared", Code{jump_if_reg(BPF_JEQ, 1, 10, 0)} + done(),
       "compared with null only"},
      {"a pointer compared with a number", Code{jump_if(BPF_JGT, 1, 5, 0)} + done(),
       "compared with null only"},
      {"a number as address", Code{mov(2, 4096), load(BPF_DW, 0, 2, 0), exit()}, "not an address"},
      {"a loaded number as address", Code{load(BPF_DW, 2, 1, 16), load(BPF_DW, 0, 2, 0), exit()},
       "not an address"},
      {"swapped bytes",
       Code{load(BPF_DW, 0, 1, 16), raw(BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 32), exit()}},
      {"division by zero is defined", Code{mov(0, 1), mov(2, 0), alu_reg(BPF_DIV, 0, 2), exit()}},
  };
  for (int reg = 0; reg < 10; reg++) {
    if (reg == 1) continue;
    cases.push_back(
        {"not initialised, read", Code{alu(BPF_ADD, reg, 1)} + done(), "is not initialised"});
    cases.push_back(
        {"not initialised, moved", Code{mov_reg(6, reg)} + done(), "is not initialised"});
    cases.push_back({"not initialised, stored", Code{store(BPF_DW, 10, -8, reg)} + done(),
                     "is not initialised"});
    cases.push_back({"not initialised, compared", Code{jump_if(BPF_JEQ, reg, 0, 0)} + done(),
                     "is not initialised"});
    cases.push_back(
        {"not initialised, address", Code{load(BPF_W, 6, reg, 0)} + done(), "is not initialised"});
  }
  for (int reg = 1; reg < 6; reg++)
    cases.push_back({"destroyed by a call",
                     Code{mov(reg, 1), call(BPF_FUNC_ktime_get_ns), mov_reg(0, reg), exit()},
                     "is not initialised"});
  check(cases);
}

TEST(verifier, loops_and_shape) {
  check({
      {"bounded loop", Code{mov(6, 0), alu(BPF_ADD, 6, 1), jump_if(BPF_JLT, 6, 32, -2)} + done()},
      {"loop with a bounded number",
       Code{load(BPF_DW, 7, 1, 16), alu(BPF_AND, 7, 31), mov(6, 0), jump_if_reg(BPF_JGE, 6, 7, 2),
            alu(BPF_ADD, 6, 1), jump(-3)} +
           done()},
      {"infinite loop", Code{mov(0, 0), jump(-1), exit()}, "infinite loop"},
      {"loop on memory", Code{load(BPF_DW, 2, 1, 16), jump_if(BPF_JNE, 2, 0, -2)} + done(),
       "infinite loop"},
      {"loop without a bound",
       Code{load(BPF_DW, 7, 1, 16), mov(6, 0), alu(BPF_ADD, 6, 1), jump_if_reg(BPF_JLT, 6, 7, -2)} +
           done(),
       "too complex"},
      {"empty", {}, "no instructions"},
      {"no exit", {mov(0, 0)}, "ends without exit"},
      {"jump out", Code{jump(5)} + done(), "jump out of range"},
      {"jump before the start", Code{jump(-5)} + done(), "jump out of range"},
      {"jump into a wide load", Code{jump(1), load64(0, 1), half(1), exit()}, "jump out of range"},
      {"half a wide load", {load64(0, 1)}, "without its second half"},
      {"unknown opcode", Code{raw(0xff, 0, 0, 0, 0)} + done(), "unknown instruction"},
      {"register 11", Code{raw(BPF_ALU64 | BPF_MOV | BPF_K, 11, 0, 0, 0)} + done(),
       "unknown instruction"},
      {"a legacy packet load", Code{raw(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0)} + done(),
       "unknown instruction"},
      {"v4 signed division", Code{mov(0, 1), raw(BPF_ALU64 | BPF_DIV | BPF_K, 0, 0, 1, 2), exit()},
       "unknown instruction"},
      {"kernel function", Code{raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 1)} + done(),
       "kernel function"},
  });
}

TEST(verifier, functions) {
  // main: call f; exit. f follows.
  auto with = [](const Code& before, const Code& function) {
    return before + Code{call_function(1), exit()} + function;
  };
  check({
      {"call", with({}, {mov(0, 1), exit()})},
      {"an argument", with({mov(1, 5)}, {mov_reg(0, 1), exit()})},
      {"no such argument", with({}, {mov_reg(0, 2), exit()}), "r2 is not initialised"},
      {"r6 is not passed", with({mov(6, 1)}, {mov_reg(0, 6), exit()}), "r6 is not initialised"},
      {"r6 is kept",
       Code{mov(6, 7), call_function(2), mov_reg(0, 6), exit(), mov(6, 1), mov(0, 0), exit()}},
      {"the caller's stack",
       with({store_imm(BPF_DW, 10, -8, 1), mov_reg(1, 10)}, {load(BPF_DW, 0, 1, -8), exit()})},
      {"its own stack is fresh",
       with({store_imm(BPF_DW, 10, -8, 1)}, {load(BPF_DW, 0, 10, -8), exit()}), "not initialised"},
      {"returns its stack", with({}, {mov_reg(0, 10), exit()}), "its own stack"},
      {"leaves its stack to the caller",
       with({mov_reg(1, 10)}, {store(BPF_DW, 1, -8, 10), mov(0, 0), exit()}), "its own stack"},
      {"void", Code{call_function(2), mov(0, 0), exit(), mov(6, 0), exit()}},
      {"recursion", with({}, {call_function(-1), exit()}), "nested functions"},
      {"call into the middle of a wide load",
       Code{call_function(2), exit(), load64(0, 1), half(1), exit()}, "call out of range"},
      {"jump into a function",
       Code{call_function(3), jump(2), mov(0, 0), exit(), mov(0, 1), exit()},
       "jump into another function"},
      {"tail call from a function",
       with({}, load_map_to(2, kPrograms) +
                    Code{mov(3, 0), call(BPF_FUNC_tail_call), mov(0, 0), exit()}),
       "tail call from a function"},
  });
}

TEST(verifier, ring_buffer_records) {
  check({
      {"submitted", reserve_checked(16) + Code{store_imm(BPF_DW, 0, 8, 1)} + submit(0) + done()},
      {"leaked", reserve_checked(16) + done(), "neither submitted nor discarded"},
      {"leaked where null was not checked", reserve(16) + done(),
       "neither submitted nor discarded"},
      {"leaked on one path",
       Code{load(BPF_DW, 6, 1, 16)} + reserve_checked(16) + Code{jump_if(BPF_JEQ, 6, 0, 3)} +
           submit(0) + done(),
       "neither submitted nor discarded"},
      {"beyond", reserve_checked(16) + Code{store_imm(BPF_DW, 0, 9, 1)} + submit(0) + done(),
       "ring buffer record of 16 bytes"},
      {"not checked", reserve(16) + Code{store_imm(BPF_DW, 0, 0, 1)} + submit(0) + done(),
       "may be null"},
      {"used after submit",
       reserve_checked(16) + Code{mov_reg(6, 0)} + submit(0) + Code{load(BPF_DW, 0, 6, 0), exit()},
       "not initialised"},
      {"submitted twice",
       reserve_checked(16) + Code{mov_reg(6, 0)} + submit(6) + submit(6) + done(),
       "not initialised"},
      {"submitted in the middle",
       reserve_checked(16) + Code{alu(BPF_ADD, 0, 8)} + submit(0) + done(),
       "start of a ring buffer record"},
      {"two open records", reserve_checked(8) + Code{mov_reg(6, 0)} + reserve(8) +
                               Code{jump_if(BPF_JEQ, 0, 0, 3)} + submit(0) + submit(6) + done()},
      {"of variable size",
       Code{load(BPF_DW, 2, 1, 16)} + load_map_to(1, kRing) +
           Code{mov(3, 0), call(BPF_FUNC_ringbuf_reserve)} + done(),
       "must be a constant"},
      {"of no size", reserve(0) + done(), "record of 0 bytes"},
      {"tail call with one open",
       Code{mov_reg(7, 1)} + reserve_checked(8) + Code{mov_reg(1, 7)} + load_map_to(2, kPrograms) +
           Code{mov(3, 0), call(BPF_FUNC_tail_call)} + done(),
       "record is open"},
      {"reserved in a hash",
       load_map_to(1, kHash) + Code{mov(2, 8), mov(3, 0), call(BPF_FUNC_ringbuf_reserve)} + done(),
       "does not work on map"},
  });
}

Code key8() { return {store_imm(BPF_DW, 10, -8, 1), mov_reg(2, 10), alu(BPF_ADD, 2, -8)}; }

TEST(verifier, helper_arguments) {
  std::vector<Case> cases = {
      {"key not a pointer",
       load_map_to(1, kHash) + Code{mov(2, 0), call(BPF_FUNC_map_lookup_elem)} + done(),
       "must be an address"},
      {"key not initialised",
       load_map_to(1, kHash) +
           Code{mov_reg(2, 10), alu(BPF_ADD, 2, -8), call(BPF_FUNC_map_lookup_elem)} + done(),
       "not initialised"},
      {"key too short",
       Code{store_imm(BPF_W, 10, -4, 1), mov_reg(2, 10), alu(BPF_ADD, 2, -4)} +
           load_map_to(1, kHash) + helper(BPF_FUNC_map_lookup_elem) + done(),
       "of a stack"},
      {"key holds a pointer",
       Code{store(BPF_DW, 10, -8, 1), mov_reg(2, 10), alu(BPF_ADD, 2, -8)} + load_map_to(1, kHash) +
           helper(BPF_FUNC_map_lookup_elem) + done(),
       "part of a pointer"},
      {"key in a map value", lookup_checked(kArray) + Code{mov_reg(2, 0)} + load_map_to(1, kHash) +
                                 helper(BPF_FUNC_map_lookup_elem) + done()},
      {"update", key8() +
                     Code{store_imm(BPF_DW, 10, -16, 1), store_imm(BPF_DW, 10, -24, 1),
                          mov_reg(3, 10), alu(BPF_ADD, 3, -24), mov(4, 0)} +
                     load_map_to(1, kHash) + helper(BPF_FUNC_map_update_elem) + done()},
      {"value too short",
       key8() + Code{mov_reg(3, 10), alu(BPF_ADD, 3, -8), mov(4, 0)} + load_map_to(1, kHash) +
           helper(BPF_FUNC_map_update_elem) + done(),
       "of a stack"},
      {"update of constants",
       Code{store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4),
            load_map_value(3, kConstants), value_offset(0), mov(4, 0)} +
           load_map_to(1, kConstants) + helper(BPF_FUNC_map_update_elem) + done(),
       "read-only"},
      {"delete from an array",
       Code{store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4)} +
           load_map_to(1, kArray) + helper(BPF_FUNC_map_delete_elem) + done(),
       "does not work on map"},
      {"lookup in a queue",
       key8() + load_map_to(1, kQueue) + helper(BPF_FUNC_map_lookup_elem) + done(),
       "does not work on map"},
      {"push to a queue",
       key8() + load_map_to(1, kQueue) + Code{mov(3, 0), call(BPF_FUNC_map_push_elem)} + done()},
      {"pop fills the stack",
       Code{mov_reg(2, 10), alu(BPF_ADD, 2, -8)} + load_map_to(1, kQueue) +
           Code{call(BPF_FUNC_map_pop_elem), load(BPF_DW, 0, 10, -8), exit()}},
      {"a number as map", Code{mov(1, 0)} + key8() + helper(BPF_FUNC_map_lookup_elem) + done(),
       "must be a map"},
      {"read of user memory",
       Code{load(BPF_DW, 3, 1, 16), mov_reg(1, 10), alu(BPF_ADD, 1, -16), mov(2, 16),
            call(BPF_FUNC_probe_read_user), load(BPF_DW, 0, 10, -16), exit()}},
      {"size larger than the buffer",
       Code{load(BPF_DW, 3, 1, 16), mov_reg(1, 10), alu(BPF_ADD, 1, -16), mov(2, 17),
            call(BPF_FUNC_probe_read_user)} +
           done(),
       "of a stack"},
      {"bounded variable read",
       Code{store_imm(BPF_DW, 10, -8, 0), store_imm(BPF_DW, 10, -16, 0), load(BPF_DW, 3, 1, 16),
            load(BPF_DW, 2, 1, 24), alu(BPF_AND, 2, 15), mov_reg(1, 10), alu(BPF_ADD, 1, -16),
            call(BPF_FUNC_probe_read_user)} +
           done()},
      {"variable read of fresh stack",
       Code{load(BPF_DW, 3, 1, 16), load(BPF_DW, 2, 1, 24), alu(BPF_AND, 2, 15), mov_reg(1, 10),
            alu(BPF_ADD, 1, -16), call(BPF_FUNC_probe_read_user)} +
           done(),
       "not initialised"},
      {"unbounded size",
       Code{load(BPF_DW, 3, 1, 16), load(BPF_DW, 2, 1, 24), mov_reg(1, 10), alu(BPF_ADD, 1, -16),
            call(BPF_FUNC_probe_read_user)} +
           done(),
       "a size"},
      {"negative size",
       Code{load(BPF_DW, 3, 1, 16), mov(2, -1), mov_reg(1, 10), alu(BPF_ADD, 1, -16),
            call(BPF_FUNC_probe_read_user)} +
           done(),
       "negative"},
      {"zero where a size is needed",
       Code{mov_reg(1, 10), alu(BPF_ADD, 1, -16), mov(2, 0), call(BPF_FUNC_get_current_comm)} +
           done(),
       "may be zero"},
      {"comm", Code{mov_reg(1, 10), alu(BPF_ADD, 1, -16), mov(2, 16),
                    call(BPF_FUNC_get_current_comm), load(BPF_DW, 0, 10, -16), exit()}},
      {"write into constants",
       Code{load_map_value(1, kConstants), value_offset(0), mov(2, 16),
            call(BPF_FUNC_get_current_comm)} +
           done(),
       "read-only"},
      {"write into the context", Code{mov(2, 16), call(BPF_FUNC_get_current_comm)} + done(),
       "read-only"},
      {"perf output", key8() + Code{mov_reg(4, 2)} + load_map_to(2, kPerf) +
                          Code{mov(3, -1), mov(5, 8), call(BPF_FUNC_perf_event_output)} + done()},
      {"perf output to a ring",
       key8() + Code{mov_reg(4, 2)} + load_map_to(2, kRing) +
           Code{mov(3, -1), mov(5, 8), call(BPF_FUNC_perf_event_output)} + done(),
       "does not work on map"},
      {"strncmp with a constant", key8() +
                                      Code{mov_reg(1, 2), mov(2, 8), load_map_value(3, kConstants),
                                           value_offset(8), call(BPF_FUNC_strncmp)} +
                                      done()},
      {"strncmp without an end",
       key8() +
           Code{mov_reg(1, 2), mov(2, 8), load_map_value(3, kConstants), value_offset(16),
                call(BPF_FUNC_strncmp)} +
           done(),
       "string without end"},
      {"strncmp with the stack",
       key8() + Code{mov_reg(1, 2), mov_reg(3, 2), mov(2, 8), call(BPF_FUNC_strncmp)} + done(),
       "constant string"},
      {"a pointer printed",
       Code{mov_reg(3, 1), load_map_value(1, kConstants), value_offset(8), mov(2, 3),
            call(BPF_FUNC_trace_printk)} +
           done(),
       "as a number"},
      {"printk", Code{load_map_value(1, kConstants), value_offset(8), mov(2, 3),
                      call(BPF_FUNC_trace_printk)} +
                     done()},
      {"tail call", load_map_to(2, kPrograms) + Code{mov(3, 0), call(BPF_FUNC_tail_call)} + done()},
      {"tail call through a hash",
       load_map_to(2, kHash) + Code{mov(3, 0), call(BPF_FUNC_tail_call)} + done(),
       "does not work on map"},
      {"unresolved relocation", Code{call(0xbad2310)} + done(), "unresolved CO-RE relocation"},
  };
  for (int id : {0, 9, 17, 36, 51, 111, 169, 195, 999, 1003, 2004, -1})
    cases.push_back({"unknown helper", Code{call(id)} + done(), "does not exist"});
  check(cases);
}

// Each helper with nothing in its arguments: whatever takes one must refuse.
TEST(verifier, every_helper_refuses_uninitialised_arguments) {
  int checked = 0;
  for (uint32_t id = 0; id < 2100; id++) {
    const hooks::HelperRow* row = hooks::helper_row(id);
    if (!row || row->arguments[0] == hooks::Argument::kNone) continue;
    Verdict verdict = judge(
        Code{mov(6, 0), mov_reg(7, 1), call(BPF_FUNC_ktime_get_ns), call(static_cast<int>(id))} +
            done(),
        ContextKind::kCall);
    EXPECT_FALSE(verdict.accepted) << row->name;
    EXPECT_NE(verdict.reason.find("not initialised"), std::string::npos)
        << row->name << ": " << verdict.reason;
    checked++;
  }
  EXPECT_GE(checked, 25);
}

TEST(verifier, constants_decide_branches) {
  // constants[0] == 7, so the bad load is never reached.
  check({{"dead code", Code{load_map_value(2, kConstants), value_offset(0), load(BPF_W, 2, 2, 0),
                            jump_if(BPF_JEQ, 2, 7, 1), load(BPF_DW, 3, 2, 0)} +
                           done()},
         {"live code",
          Code{load_map_value(2, kConstants), value_offset(0), load(BPF_W, 2, 2, 0),
               jump_if(BPF_JEQ, 2, 8, 1), load(BPF_DW, 3, 2, 0)} +
              done(),
          "not an address"}});
}

TEST(verifier, a_lookup_in_one_map_is_noted_for_the_jit_and_one_in_several_is_not) {
  Code one = lookup(kArray) + done();
  Verdict verdict = judge(one);
  ASSERT_TRUE(verdict.accepted);
  EXPECT_EQ(verdict.map_of_call[5], kArray + 1);
  Code either = Code{load(BPF_DW, 6, 1, 16), store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10),
                     alu(BPF_ADD, 2, -4)} +
                load_map_to(1, kArray) + Code{jump_if(BPF_JEQ, 6, 0, 2)} + load_map_to(1, kSmall) +
                Code{call(BPF_FUNC_map_lookup_elem)} + done();
  verdict = judge(either);
  ASSERT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.map_of_call[9], 0);
}

TEST(verifier, pruning_does_not_forget_a_pointer_that_is_used_later) {
  // Both sides meet with r7 a number on one, a value on the other; only one may be dereferenced.
  check({{"merge",
          Code{load(BPF_DW, 6, 1, 16)} + lookup_checked(kArray) +
              Code{mov_reg(7, 0), jump_if(BPF_JEQ, 6, 0, 1), mov(7, 1), mov(8, 0), mov(8, 1),
                   mov(8, 2), mov(8, 3), mov(8, 4), mov(8, 5), load(BPF_DW, 0, 7, 0), exit()},
          "not an address"}});
}

}  // namespace
}  // namespace bt::loader
