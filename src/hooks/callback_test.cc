// SPDX-License-Identifier: MIT
// Helpers that call functions of the program, interpreted and compiled.
#include "hooks/callback.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "hooks/test_image.h"
#include "hooks/test_insns.h"

namespace bt::hooks {
namespace {

using namespace insn;
using Code = std::vector<bpf_insn>;

bpf_insn load_function(int reg, int distance) {
  return raw(BPF_LD | BPF_IMM | BPF_DW, reg, BPF_PSEUDO_FUNC, 0, distance);
}

// Both ways must agree; r0.
uint64_t run(const Code& code, const std::vector<MapGeometry>& maps = {},
             void (*prepare)(TestImage&) = nullptr) {
  uint64_t results[2];
  for (bool interpret_it : {false, true}) {
    static Thread thread;
    prepare_thread(thread);
    uint64_t context[8] = {};
    TestImage image({{code}}, maps, interpret_it);
    EXPECT_NE(image.image(), nullptr);
    EXPECT_EQ(image.program(0).jit == nullptr, interpret_it);
    if (prepare) prepare(image);
    results[interpret_it] = run_program(image.program(0), context, thread);
    EXPECT_EQ(thread.callback_depth, 0u);
  }
  EXPECT_EQ(results[0], results[1]);
  return results[0];
}

// r0 = the sum of what the function left at −8, the rounds, and r6 to r9, which must not be the function's.
Code loop(int rounds, int64_t flags = 0) {
  return {store_imm(BPF_DW, 10, -8, 0),
          mov(6, 1000),
          mov(7, 2000),
          mov(8, 3000),
          mov(9, 4000),
          mov(1, rounds),
          load_function(2, 12),
          half(0),
          mov_reg(3, 10),
          alu(BPF_ADD, 3, -8),
          mov(4, static_cast<int32_t>(flags)),
          call(BPF_FUNC_loop),
          load(BPF_DW, 1, 10, -8),
          alu_reg(BPF_ADD, 0, 1),
          alu_reg(BPF_ADD, 0, 6),
          alu_reg(BPF_ADD, 0, 7),
          alu_reg(BPF_ADD, 0, 8),
          alu_reg(BPF_ADD, 0, 9),
          exit()};
}
// Adds the index to the context's number, with a stack and registers of its own; `last`: says enough at this index.
Code add_index(int last = -1) {
  return {store_imm(BPF_DW, 10, -8, 77),
          mov(6, 0),
          mov(7, 0),
          mov(8, 0),
          mov(9, 0),
          load(BPF_DW, 3, 2, 0),
          alu_reg(BPF_ADD, 3, 1),
          store(BPF_DW, 2, 0, 3),
          mov(0, 0),
          jump_if(BPF_JNE, 1, last, 1),
          mov(0, 1),
          exit()};
}
Code operator+(Code a, const Code& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(callback, rounds_are_counted_and_see_their_index) {
  EXPECT_EQ(run(loop(10) + add_index()), 10u + 45 + 10000);
  EXPECT_EQ(run(loop(1) + add_index()), 1u + 0 + 10000);
  EXPECT_EQ(run(loop(0) + add_index()), 0u + 10000);
}

TEST(callback, a_function_may_end_the_loop) {
  EXPECT_EQ(run(loop(10) + add_index(4)), 5u + 10 + 10000);
}

TEST(callback, too_many_rounds_and_unknown_flags_are_errors) {
  EXPECT_EQ(run(loop(static_cast<int>(kLoopsMax) + 1) + add_index()),
            static_cast<uint64_t>(-E2BIG) + 10000);
  EXPECT_EQ(run(loop(3, 1) + add_index()), static_cast<uint64_t>(-EINVAL) + 10000);
}

TEST(callback, loops_nest_and_each_has_its_frame) {
  // The outer function runs the inner one 3 times on its own stack and adds what came of it: 0 + 1 + 2.
  Code outer = {mov_reg(6, 2),
                store_imm(BPF_DW, 10, -8, 0),
                mov(1, 3),
                load_function(2, 10),
                half(0),
                mov_reg(3, 10),
                alu(BPF_ADD, 3, -8),
                mov(4, 0),
                call(BPF_FUNC_loop),
                load(BPF_DW, 1, 10, -8),
                load(BPF_DW, 2, 6, 0),
                alu_reg(BPF_ADD, 2, 1),
                store(BPF_DW, 6, 0, 2),
                exit()};
  outer.insert(outer.end() - 1, mov(0, 0));
  outer[3].imm = static_cast<int32_t>(outer.size()) - 4;
  EXPECT_EQ(run(loop(5) + outer + add_index()), 5u + 5 * 3 + 10000);
}

TEST(callback, rounds_of_nested_loops_are_bounded_together) {
  static Thread thread;
  prepare_thread(thread);
  CallbackRun outer(thread);
  thread.callbacks_left = 1;
  CallbackRun inner(thread);
  EXPECT_EQ(thread.callbacks_left, 1u);
}

// r0 = rounds + what the function left at −8.
Code for_each(int map) {
  return {store_imm(BPF_DW, 10, -8, 0),
          load_map(1, map),
          half(0),
          load_function(2, 9),
          half(0),
          mov_reg(3, 10),
          alu(BPF_ADD, 3, -8),
          mov(4, 0),
          call(BPF_FUNC_for_each_map_elem),
          load(BPF_DW, 1, 10, -8),
          alu_reg(BPF_ADD, 0, 1),
          mov(2, 0),
          exit()};
}
// context += 100 × key + value; and the value is counted up.
const Code kAddElement = {load(BPF_W, 5, 2, 0),
                          alu(BPF_MUL, 5, 100),
                          load(BPF_DW, 0, 3, 0),
                          alu_reg(BPF_ADD, 5, 0),
                          alu(BPF_ADD, 0, 1),
                          store(BPF_DW, 3, 0, 0),
                          load(BPF_DW, 0, 4, 0),
                          alu_reg(BPF_ADD, 0, 5),
                          store(BPF_DW, 4, 0, 0),
                          mov(0, 0),
                          exit()};

TEST(callback, elements_of_an_array_in_their_order) {
  EXPECT_EQ(run(for_each(0) + kAddElement, {{BPF_MAP_TYPE_ARRAY, 4, 8, 4}},
                [](TestImage& image) {
                  for (uint32_t i = 0; i < 4; i++)
                    *static_cast<uint64_t*>(value_at(image.map(0), i, 0)) = 10 + i;
                }),
            4u + 100 * (0 + 1 + 2 + 3) + 10 + 11 + 12 + 13);
}

TEST(callback, elements_of_a_hash_that_are_there) {
  EXPECT_EQ(run(for_each(0) + kAddElement, {{BPF_MAP_TYPE_HASH, 4, 8, 16}},
                [](TestImage& image) {
                  MapUser user{token_of_this_thread(), 0};
                  for (uint32_t key : {3u, 5u, 9u}) {
                    uint64_t value = key;
                    map_update(image.map(0), &key, &value, 0, user);
                  }
                  uint32_t gone = 5;
                  map_delete(image.map(0), &gone, user);
                }),
            2u + 100 * (3 + 9) + 3 + 9);
}

TEST(callback, elements_may_be_deleted_meanwhile) {
  EXPECT_EQ(run(for_each(0) + Code{call(BPF_FUNC_map_delete_elem), mov(0, 0), exit()},
                {{BPF_MAP_TYPE_HASH, 4, 8, 64}},
                [](TestImage& image) {
                  MapUser user{token_of_this_thread(), 0};
                  for (uint32_t key = 0; key < 50; key++) {
                    uint64_t value = key;
                    map_update(image.map(0), &key, &value, 0, user);
                  }
                }),
            50u);
}

}  // namespace
}  // namespace bt::hooks
