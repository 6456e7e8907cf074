// SPDX-License-Identifier: MIT
// Functions that helpers call (bpf_loop, bpf_for_each_map_elem): judged for any number of rounds.
#include <gtest/gtest.h>

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

Code done() { return {mov(0, 0), exit()}; }
bpf_insn load_function(int reg) {
  return raw(BPF_LD | BPF_IMM | BPF_DW, reg, BPF_PSEUDO_FUNC, 0, 0);
}
// The function follows the program; every address of a function in it becomes its.
Code with(const Code& main, const Code& function) {
  Code code = main + function;
  for (size_t i = 0; i < main.size(); i++)
    if (code[i].code == (BPF_LD | BPF_IMM | BPF_DW) && code[i].src_reg == BPF_PSEUDO_FUNC)
      code[i].imm = static_cast<int32_t>(main.size() - i - 1);
  return code;
}
// r6 = a number of the context; 10 rounds over the 8 bytes at −8, which are 0 at first.
Code loop(const Code& after = done()) {
  return Code{load(BPF_DW, 6, 1, 16),
              store_imm(BPF_DW, 10, -8, 0),
              mov(1, 10),
              load_function(2),
              half(0),
              mov_reg(3, 10),
              alu(BPF_ADD, 3, -8),
              mov(4, 0),
              call(BPF_FUNC_loop)} +
         after;
}
Code for_each(int map) {
  return Code{store_imm(BPF_DW, 10, -8, 0),
              load_map(1, map),
              half(0),
              load_function(2),
              half(0),
              mov_reg(3, 10),
              alu(BPF_ADD, 3, -8),
              mov(4, 0),
              call(BPF_FUNC_for_each_map_elem)} +
         done();
}

void check(const char* name, const Code& code, const char* refusal = nullptr) {
  static const std::vector<VerifiedMap> maps = test_maps();
  Verdict verdict = verify({code, maps, ContextKind::kSysEnter});
  if (!refusal) {
    EXPECT_TRUE(verdict.accepted) << name << ": refused at " << verdict.insn << ": "
                                  << verdict.reason;
    return;
  }
  EXPECT_FALSE(verdict.accepted) << name << ": accepted";
  EXPECT_NE(verdict.reason.find(refusal), std::string::npos) << name << ": " << verdict.reason;
}

// The context's number plus one, as a counter.
const Code kCount = {load(BPF_DW, 0, 2, 0), alu(BPF_ADD, 0, 1), store(BPF_DW, 2, 0, 0), mov(0, 0),
                     exit()};

TEST(verifier_callbacks, what_is_accepted) {
  check("a counter", with(loop(), kCount));
  check("an early end", with(loop(), {mov(0, 1), exit()}));
  check("no context", with({mov(1, 10), load_function(2), half(0), mov(3, 0), mov(4, 0),
                            call(BPF_FUNC_loop), mov(0, 0), exit()},
                           {mov(0, 0), exit()}));
  check("a number of rounds that nobody knows",
        with({load(BPF_DW, 1, 1, 16), load_function(2), half(0), mov(3, 0), mov(4, 0),
              call(BPF_FUNC_loop), mov(0, 0), exit()},
             {mov(0, 0), exit()}));
  // The index is below the number of rounds: 10 of 64 bytes.
  check("an index into a value",
        with(loop(),
             Code{mov_reg(6, 1), store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4),
                  load_map(1, kArray), half(0), call(BPF_FUNC_map_lookup_elem),
                  jump_if(BPF_JEQ, 0, 0, 2), alu_reg(BPF_ADD, 0, 6), store_imm(BPF_B, 0, 54, 1)} +
                 done()));
  check("r6 of the caller stays",
        with(loop({mov_reg(0, 6), exit()}), {mov(6, 0), mov(0, 0), exit()}));
  check("a loop in a loop", with(loop() + Code{load_function(5), half(0)} + done(),
                                 Code{mov_reg(6, 2), mov(1, 3),
                                      raw(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 6),
                                      half(0), mov(3, 0), mov(4, 0), call(BPF_FUNC_loop)} +
                                     done() + Code{mov(0, 0), exit()}));
  check("elements of an array",
        with(for_each(kArray),
             {load(BPF_W, 0, 2, 0), store_imm(BPF_DW, 3, 56, 1), mov(0, 0), exit()}));
  check("elements of a hash are deleted",
        with(for_each(kHash), {call(BPF_FUNC_map_delete_elem), mov(0, 0), exit()}));
  check("a record made and sent in each round",
        with(loop(), {load_map(1, kRing), half(0), mov(2, 8), mov(3, 0),
                      call(BPF_FUNC_ringbuf_reserve), jump_if(BPF_JEQ, 0, 0, 3), mov_reg(1, 0),
                      mov(2, 0), call(BPF_FUNC_ringbuf_discard), mov(0, 0), exit()}));
  check("a counter that stays bounded",
        with(loop({load(BPF_DW, 1, 10, -8), alu(BPF_AND, 1, 7), mov_reg(2, 10),
                   alu_reg(BPF_ADD, 2, 1), store_imm(BPF_B, 2, -8, 1), mov(0, 0), exit()}),
             kCount));
}

TEST(verifier_callbacks, what_is_refused) {
  check("a number as function",
        {mov(1, 1), mov(2, 5), mov(3, 0), mov(4, 0), call(BPF_FUNC_loop), mov(0, 0), exit()},
        "a function of the program");
  check("the function is called like a number",
        with({load_function(6), half(0), alu(BPF_ADD, 6, 8), mov(0, 0), exit()}, done()),
        "arithmetic on a function");
  check("the function is read",
        with({load_function(6), half(0), load(BPF_DW, 0, 6, 0), exit()}, done()), "not an address");
  check("the function's address in a map",
        with({store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4), load_map(1, kArray),
              half(0), call(BPF_FUNC_map_lookup_elem), jump_if(BPF_JEQ, 0, 0, 3), load_function(6),
              half(0), store(BPF_DW, 0, 0, 6), mov(0, 0), exit()},
             done()),
        "other programs can read");
  check("answers 2", with(loop(), {mov(0, 2), exit()}), "must return 0");
  check("answers anything", with(loop(), {mov_reg(0, 1), exit()}), "must return 0");
  check("answers nothing", with(loop(), {mov(6, 0), exit()}), "r0 is not initialised");
  check("beyond its context", with(loop(), {store_imm(BPF_DW, 2, 8, 0), mov(0, 0), exit()}),
        "of a stack");
  check("an argument it does not have", with(loop(), {mov_reg(0, 3), exit()}),
        "r3 is not initialised");
  check("r6 of the caller", with(loop(), {mov_reg(0, 6), exit()}), "r6 is not initialised");
  check("an index one too far",
        with(loop(),
             Code{mov_reg(6, 1), store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4),
                  load_map(1, kArray), half(0), call(BPF_FUNC_map_lookup_elem),
                  jump_if(BPF_JEQ, 0, 0, 2), alu_reg(BPF_ADD, 0, 6), store_imm(BPF_B, 0, 55, 1)} +
                 done()),
        "of a map value");
  // What is zero in the first round is not in the second, and unknown behind the loop.
  check("a counter as index in the function",
        with(loop(), {load(BPF_DW, 3, 2, 0), mov_reg(4, 10), alu_reg(BPF_ADD, 4, 3),
                      store_imm(BPF_B, 4, -1, 0), alu(BPF_ADD, 3, 1), store(BPF_DW, 2, 0, 3),
                      mov(0, 0), exit()}),
        "stack");
  check("a counter as index behind the loop",
        with(loop({load(BPF_DW, 1, 10, -8), mov_reg(2, 10), alu_reg(BPF_ADD, 2, 1),
                   store_imm(BPF_B, 2, -8, 1), mov(0, 0), exit()}),
             kCount),
        "unbounded");
  check("a pointer that a later round no longer has",
        with({store(BPF_DW, 10, -8, 10), mov(1, 10), load_function(2), half(0), mov_reg(3, 10),
              alu(BPF_ADD, 3, -8), mov(4, 0), call(BPF_FUNC_loop), mov(0, 0), exit()},
             {load(BPF_DW, 3, 2, 0), store_imm(BPF_DW, 3, -16, 0), store_imm(BPF_DW, 2, 0, 0),
              mov(0, 0), exit()}),
        "not an address");
  check("a record left open",
        with(loop(), {load_map(1, kRing), half(0), mov(2, 8), mov(3, 0),
                      call(BPF_FUNC_ringbuf_reserve), mov(0, 0), exit()}),
        "ring buffer record");
  check("the context in a map's value",
        with({store_imm(BPF_W, 10, -4, 0), mov_reg(2, 10), alu(BPF_ADD, 2, -4), load_map(1, kArray),
              half(0), call(BPF_FUNC_map_lookup_elem), jump_if(BPF_JEQ, 0, 0, 6), mov_reg(3, 0),
              mov(1, 1), load_function(2), half(0), mov(4, 0), call(BPF_FUNC_loop), mov(0, 0),
              exit()},
             done()),
        "in the stack, or null");
  check("an element's key is written",
        with(for_each(kHash), {store_imm(BPF_DW, 2, 0, 1), mov(0, 0), exit()}),
        "read-only map key");
  check("beyond an element's key",
        with(for_each(kHash), {load(BPF_DW, 0, 2, 4), mov(0, 0), exit()}),
        "of a map key of 8 bytes");
  check("beyond an element's value",
        with(for_each(kHash), {store_imm(BPF_DW, 3, 9, 1), mov(0, 0), exit()}), "of a map value");
  check("elements of a queue", with(for_each(kQueue), done()), "does not work on map");
  check("a loop without end around a loop",
        with({load(BPF_DW, 6, 1, 16), mov(1, 10), load_function(2), half(0), mov(3, 0), mov(4, 0),
              call(BPF_FUNC_loop), jump(-7), mov(0, 0), exit()},
             done()),
        "infinite loop");
  check("a loop without end in the function", with(loop(), {mov(0, 0), jump(-1), exit()}),
        "infinite loop");
  check("a function that loops over itself",
        with(loop(), Code{mov(1, 2), raw(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, -2),
                          half(0), mov(3, 0), mov(4, 0), call(BPF_FUNC_loop)} +
                         done()),
        "nested functions");
  check("an address out of the program",
        Code{raw(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 99), half(0)} + done(),
        "out of range");
  check("timers are named in the refusal", Code{call(BPF_FUNC_timer_init)} + done(),
        "helper bpf_timer_init does not exist");
}

}  // namespace
}  // namespace bt::loader
