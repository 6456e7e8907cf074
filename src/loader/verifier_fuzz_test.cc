// SPDX-License-Identifier: MIT
// The verifier's promise: what it accepts never touches memory it may not. Random programs over context, stack, map values,
// ring records and bounded and unbounded numbers; what is accepted runs in the interpreter's checked mode, on random
// contexts, where every access is compared with what the program was given. Fixed seed; BT_LONG=1 runs ten million.
//
// What is accepted is also simplified and compiled: every form of it must leave the same memory behind.
//
// Not covered: functions and tail calls (verifier_test.cc), uninitialised stack bytes (the check cannot see them).
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "hooks/interpreter.h"
#include "hooks/quick_call.h"
#include "hooks/test_image.h"
#include "hooks/test_insns.h"
#include "loader/control_flow.h"
#include "loader/simplify.h"
#include "loader/test_maps.h"

namespace bt::loader {
namespace {

using namespace hooks::insn;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::vector<bpf_insn> program() {
    out_.clear();
    out_.push_back(mov_reg(9, 1));
    for (int off = -64; off < 0; off += 8) out_.push_back(store_imm(BPF_DW, 10, off, pick(-3, 3)));
    for (int r : {0, 2, 3, 4, 5}) out_.push_back(load(size(), r, 9, 16 + 8 * pick(0, 5)));
    value(6);
    value(7);
    out_.push_back(mov_reg(8, 10));
    out_.push_back(alu(BPF_ADD, 8, -64));
    int count = pick(3, 24);
    for (int i = 0; i < count; i++) step();
    out_.push_back(mov(0, 0));
    out_.push_back(exit());
    return out_;
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  int number() { return "\0\2\3\4\5"[pick(0, 4)]; }
  int pointer() { return pick(6, 9); }
  int size() {
    constexpr int kSizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
    return kSizes[pick(0, 3)];
  }
  int small() {
    constexpr int kNumbers[] = {0,  1,  2,  3,  7,  8,   15, 16, 31, 32,
                                48, 56, 63, 64, 65, 127, -1, -8, 255};
    return kNumbers[pick(0, 18)];
  }
  // reg = a checked value of the array (64 bytes).
  void value(int reg) {
    out_.push_back(store_imm(BPF_W, 10, -68, pick(0, 15)));
    out_.push_back(mov_reg(2, 10));
    out_.push_back(alu(BPF_ADD, 2, -68));
    out_.push_back(load_map(1, kArray));
    out_.push_back(half(0));
    out_.push_back(call(BPF_FUNC_map_lookup_elem));
    if (pick(0, 30)) {
      out_.push_back(jump_if(BPF_JNE, 0, 0, 2));
      out_.push_back(mov(0, 0));
      out_.push_back(exit());
    }
    out_.push_back(mov_reg(reg, 0));
    for (int r : {0, 2, 3, 4, 5}) out_.push_back(load(size(), r, 9, 16 + 8 * pick(0, 5)));
  }
  void bound() {
    int r = number();
    constexpr int kOps[] = {BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE,
                            BPF_JSLT, BPF_JSLE, BPF_JEQ, BPF_JNE, BPF_JSET};
    int kind = pick(0, 1) ? BPF_JMP : BPF_JMP32, op = kOps[pick(0, 10)];
    bool by_register = pick(0, 3) == 0;
    out_.push_back(raw(kind | op | (by_register ? BPF_X : BPF_K), r, by_register ? number() : 0, 2,
                       by_register ? 0 : small()));
    out_.push_back(mov(0, 0));
    out_.push_back(exit());
  }
  void arithmetic() {
    constexpr int kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,   BPF_AND, BPF_LSH,
                            BPF_RSH, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_AND, BPF_AND};
    int op = kOps[pick(0, 13)], kind = pick(0, 2) ? BPF_ALU64 : BPF_ALU;
    if (pick(0, 1))
      out_.push_back(raw(kind | op | BPF_X, number(), number(), 0, 0));
    else
      out_.push_back(raw(kind | op | BPF_K, number(), 0, 0, small()));
  }
  void access() {
    int p = pointer(), off = pick(0, 3) ? pick(-4, 60) : pick(0, 8);
    switch (pick(0, 4)) {
      case 0:
        out_.push_back(store(size(), p, off, number()));
        break;
      case 1:
        out_.push_back(store_imm(size(), p, off, small()));
        break;
      case 2:
        out_.push_back(atomic(pick(0, 1) ? BPF_W : BPF_DW,
                              pick(0, 1) ? BPF_ADD | BPF_FETCH : BPF_CMPXCHG, p, off & ~7,
                              number()));
        break;
      default:
        out_.push_back(load(size(), number(), p, off));
    }
  }
  void step() {
    switch (pick(0, 9)) {
      case 0:
      case 1:
      case 2:
        arithmetic();
        break;
      case 3:
      case 4:
        bound();
        break;
      case 5: {
        // A bounded number onto a pointer: what indexes are made of.
        int r = number();
        if (pick(0, 2))
          out_.push_back(
              raw((pick(0, 1) ? BPF_ALU64 : BPF_ALU) | BPF_AND | BPF_K, r, 0, 0, small()));
        out_.push_back(pick(0, 4) ? alu_reg(BPF_ADD, pick(6, 8), r)
                                  : alu_reg(BPF_SUB, pick(6, 8), r));
        access();
        break;
      }
      case 6:
        out_.push_back(alu(pick(0, 1) ? BPF_ADD : BPF_SUB, pick(6, 8), small()));
        break;
      case 7: {
        // Spill and fill, of both kinds.
        int off = -8 * pick(9, 12);
        out_.push_back(store(BPF_DW, 10, off, pick(0, 1) ? number() : pick(6, 8)));
        out_.push_back(
            load(pick(0, 4) ? BPF_DW : size(), pick(0, 1) ? number() : pick(6, 8), 10, off));
        break;
      }
      case 8:
        out_.push_back(
            mov_reg(pick(0, 1) ? number() : pick(6, 8), pick(0, 1) ? number() : pick(6, 8)));
        break;
      default:
        access();
    }
  }

  std::mt19937_64 random_;
  std::vector<bpf_insn> out_;
};

struct Ranges {
  struct Range {
    uint64_t begin, end;
    bool writable;
  };
  std::vector<Range> list;

  static bool allows(void* self, uint64_t address, uint32_t size, bool write) {
    for (const Range& range : static_cast<Ranges*>(self)->list)
      if (address >= range.begin && address + size <= range.end) return range.writable || !write;
    return false;
  }
};

bool is_long() { return std::getenv("BT_LONG") && *std::getenv("BT_LONG"); }

constexpr uint32_t kValues = 16, kValueSize = 64;

// One form of a program, on maps of its own.
class Form {
 public:
  Form(const std::vector<bpf_insn>& code, bool interpret)
      : image_({{code}}, {{BPF_MAP_TYPE_ARRAY, 4, kValueSize, kValues}}, interpret) {}
  hooks::TestImage& image() { return image_; }
  std::string memory() {
    return {static_cast<char*>(hooks::value_at(image_.map(0), 0, 0)), kValues * kValueSize};
  }

 private:
  hooks::TestImage image_;
};

void expect_same_arguments(const uint64_t (&arguments)[6], uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d, uint64_t e, uint64_t f) {
  const uint64_t found[6] = {a, b, c, d, e, f};
  for (int i = 0; i < 6; i++) ASSERT_EQ(found[i], arguments[i]);
}

// As an agent enters it. The arguments stay in their registers, so what the compiler passes on is what came back.
[[gnu::noinline]] void run_quickly(const void* entry, hooks::Thread& thread, int64_t number,
                                   const uint64_t (&arguments)[6]) {
  uint64_t a = arguments[0], b = arguments[1], c = arguments[2], d = arguments[3], e = arguments[4],
           f = arguments[5];
  asm volatile("" : "+D"(a), "+S"(b), "+d"(c), "+c"(d));
  hooks::call_quick(entry, &thread, static_cast<uint64_t>(number), a, b, c, d, e, f);
  expect_same_arguments(arguments, a, b, c, d, e, f);
}

TEST(verifier_fuzz, what_is_accepted_stays_within_its_memory) {
  uint64_t count = is_long() ? 10'000'000 : 60'000;
  std::vector<VerifiedMap> maps = test_maps();
  static hooks::Thread thread;
  hooks::prepare_thread(thread);
  std::mt19937_64 random(99);
  uint64_t accepted = 0;
  for (uint64_t seed = 1; seed <= count; seed++) {
    std::vector<bpf_insn> code = Generator(seed).program();
    Verdict verdict = verify({code, maps, ContextKind::kSysEnter});
    if (!verdict.accepted) continue;
    accepted++;
    hooks::TestImage image({{code}}, {{BPF_MAP_TYPE_ARRAY, 4, kValueSize, kValues}}, true);
    ASSERT_NE(image.image(), nullptr);
    hooks::SysEnterContext context{};
    Ranges ranges;
    auto at = [](const void* p) { return reinterpret_cast<uint64_t>(p); };
    ranges.list.push_back({at(&context), at(&context) + sizeof context, false});
    ranges.list.push_back({thread.stack_top - hooks::kFrameSize, thread.stack_top, true});
    for (uint32_t i = 0; i < kValues; i++)
      ranges.list.push_back({at(hooks::value_at(image.map(0), i, 0)),
                             at(hooks::value_at(image.map(0), i, 0)) + kValueSize, true});
    for (int round = 0; round < 6; round++) {
      for (uint64_t& argument : context.args) argument = round % 2 ? random() : random() % 130 - 1;
      hooks::MemoryCheck check{&Ranges::allows, &ranges};
      hooks::interpret(image.program(0), &context, thread, &check);
      ASSERT_FALSE(check.violated) << "seed " << seed << " instruction " << check.at;
    }
  }
  // The generator would be useless if nearly nothing were accepted, or everything.
  EXPECT_GT(accepted, count / 200);
  EXPECT_LT(accepted, count / 2);
  RecordProperty("accepted", static_cast<int>(accepted));
  std::printf("%lu of %lu accepted\n", static_cast<unsigned long>(accepted),
              static_cast<unsigned long>(count));
}

TEST(verifier_fuzz, every_form_of_a_program_leaves_the_same_memory) {
  uint64_t count = is_long() ? 2'000'000 : 15'000;
  std::vector<VerifiedMap> maps = test_maps();
  static hooks::Thread thread;
  hooks::prepare_thread(thread);
  std::mt19937_64 random(98);
  for (uint64_t seed = 1; seed <= count; seed++) {
    std::vector<bpf_insn> code = Generator(seed).program();
    Verdict verdict = verify({code, maps, ContextKind::kSysEnter});
    if (!verdict.accepted) continue;
    std::vector<bpf_insn> simple = simplify(code, maps, verdict);
    for (size_t i = 0; i < code.size(); i++)
      if (is_helper_call(simple[i])) simple[i].off = static_cast<int16_t>(verdict.map_of_call[i]);
    Form original(code, true), simplified(simple, true), compiled(simple, false),
        quick(simple, false);
    for (Form* form : {&original, &simplified, &compiled, &quick})
      ASSERT_NE(form->image().image(), nullptr);
    ASSERT_NE(quick.image().program(0).quick, nullptr);
    hooks::SysEnterContext context{};
    context.id = 257;
    for (int round = 0; round < 6; round++) {
      for (uint64_t& argument : context.args) argument = round % 2 ? random() : random() % 130 - 1;
      uint64_t result = hooks::run_program(original.image().program(0), &context, thread);
      for (Form* form : {&simplified, &compiled}) {
        ASSERT_EQ(hooks::run_program(form->image().program(0), &context, thread), result) << seed;
        ASSERT_EQ(form->memory(), original.memory()) << "seed " << seed;
      }
      run_quickly(quick.image().program(0).quick, thread, context.id, context.args);
      ASSERT_EQ(quick.memory(), original.memory()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace bt::loader
