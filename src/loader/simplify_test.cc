// SPDX-License-Identifier: MIT
// What is taken out of programs and what is not. That nothing changes thereby is verifier_fuzz_test.cc's to find out.
#include "loader/simplify.h"

#include <gtest/gtest.h>

#include "hooks/image_format.h"
#include "hooks/test_insns.h"
#include "loader/test_maps.h"

namespace bt::loader {
namespace {

using namespace hooks::insn;
using Code = std::vector<bpf_insn>;

Code simplified(const Code& code) {
  static const std::vector<VerifiedMap> maps = test_maps();
  Verdict verdict = verify({code, maps, ContextKind::kSysEnter});
  EXPECT_TRUE(verdict.accepted) << verdict.insn << ": " << verdict.reason;
  return simplify(code, maps, verdict);
}

bool is_nothing(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_JA) && insn.off == 0; }
uint32_t count_of_something(const Code& code) {
  uint32_t count = 0;
  for (const bpf_insn& insn : code) count += !is_nothing(insn);
  return count;
}

// store key at −4; r0 = lookup; if it is there, add one to it.
Code counter(int map, const bpf_insn& key, const Code& between = {}) {
  Code code = {key};
  code.insert(code.end(), between.begin(), between.end());
  for (const bpf_insn& insn : {mov_reg(2, 10), alu(BPF_ADD, 2, -4), load_map(1, map), half(0),
                               call(BPF_FUNC_map_lookup_elem), jump_if(BPF_JEQ, 0, 0, 2), mov(1, 1),
                               atomic(BPF_DW, BPF_ADD, 0, 0, 1), mov(0, 0), exit()})
    code.push_back(insn);
  return code;
}

TEST(simplify, an_array_counter_is_an_address_and_an_addition) {
  for (int map : {kArray, kPerCpu}) {
    Code code = simplified(counter(map, store_imm(BPF_W, 10, -4, 3)));
    EXPECT_EQ(count_of_something(code), 5u);
    EXPECT_EQ(code[5].src_reg, hooks::kElementAddress);
    EXPECT_EQ(code[5].off, map + 1);
    EXPECT_EQ(code[5].imm, 3);
    EXPECT_EQ(code.size(), 11u);
  }
}

TEST(simplify, a_key_that_is_not_always_the_same_is_looked_up) {
  auto looks_up = [](const Code& code) {
    for (const bpf_insn& insn : simplified(code))
      if (insn.code == (BPF_JMP | BPF_CALL) && insn.imm == BPF_FUNC_map_lookup_elem &&
          insn.src_reg == 0)
        return true;
    return false;
  };
  bpf_insn zero = store_imm(BPF_W, 10, -4, 0);
  EXPECT_FALSE(looks_up(counter(kArray, zero)));
  EXPECT_TRUE(looks_up(counter(kArray, store_imm(BPF_W, 10, -4, 16))));  // there is none
  // Written again on one path, by a helper, through a pointer, and in half.
  EXPECT_TRUE(looks_up(
      counter(kArray, zero,
              {load(BPF_DW, 6, 1, 16), jump_if(BPF_JEQ, 6, 0, 1), store_imm(BPF_W, 10, -4, 1)})));
  EXPECT_TRUE(looks_up(
      counter(kArray, zero,
              {mov_reg(1, 10), alu(BPF_ADD, 1, -4), mov(2, 4), call(BPF_FUNC_get_current_comm)})));
  EXPECT_TRUE(looks_up(counter(kArray, zero, {store_imm(BPF_B, 10, -3, 1)})));
  EXPECT_TRUE(
      looks_up(counter(kArray, zero,
                       {load(BPF_DW, 6, 1, 16), alu(BPF_AND, 6, 3), mov_reg(7, 10),
                        alu(BPF_ADD, 7, -4), alu_reg(BPF_ADD, 7, 6), store_imm(BPF_B, 7, 0, 1)})));
  // The same on both paths.
  EXPECT_FALSE(looks_up(
      counter(kArray, zero,
              {load(BPF_DW, 6, 1, 16), jump_if(BPF_JEQ, 6, 0, 1), store_imm(BPF_W, 10, -4, 0)})));
}

TEST(simplify, a_branch_that_a_setting_decides_is_gone_with_what_it_guards) {
  Code code = simplified({load_map_value(2, kConstants), value_offset(0), load(BPF_W, 2, 2, 0),
                          jump_if(BPF_JEQ, 2, 7, 2), call(BPF_FUNC_get_current_pid_tgid),
                          mov_reg(6, 0), mov(0, 0), exit()});
  EXPECT_TRUE(is_nothing(code[0]));
  EXPECT_TRUE(is_nothing(code[2]));
  EXPECT_EQ(code[3].code, BPF_JMP | BPF_JA);
  EXPECT_EQ(code[3].off, 2);
  EXPECT_TRUE(is_nothing(code[4]));
  EXPECT_EQ(count_of_something(code), 3u);
}

TEST(simplify, a_branch_that_the_context_decides_stays) {
  Code code = {load(BPF_DW, 6, 1, 16), mov(0, 0), jump_if(BPF_JEQ, 6, 7, 1), mov(0, 1), exit()};
  EXPECT_EQ(count_of_something(simplified(code)), 5u);
}

TEST(simplify, functions_keep_what_their_caller_reads) {
  Code code = {store_imm(BPF_DW, 10, -8, 5),
               mov_reg(1, 10),
               call_function(1),
               exit(),
               load(BPF_DW, 0, 1, -8),
               store_imm(BPF_DW, 10, -8, 1),
               exit()};
  Code found = simplified(code);
  EXPECT_EQ(found[0].code, code[0].code);
  EXPECT_EQ(found[4].code, code[4].code);
}

}  // namespace
}  // namespace bt::loader
