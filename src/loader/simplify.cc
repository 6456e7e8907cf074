// SPDX-License-Identifier: MIT
#include "loader/simplify.h"

#include <array>
#include <memory>
#include <optional>

#include "hooks/helpers.h"
#include "hooks/image_format.h"
#include "hooks/instruction.h"
#include "hooks/thread.h"
#include "loader/control_flow.h"

namespace bt::loader {
namespace {

constexpr bpf_insn kNothing = {BPF_JMP | BPF_JA, 0, 0, 0, 0};

bool is_conditional(const bpf_insn& insn) { return is_jump(insn) && BPF_OP(insn.code) != BPF_JA; }
bool is_store(const bpf_insn& insn) {
  return BPF_CLASS(insn.code) == BPF_ST ||
         (BPF_CLASS(insn.code) == BPF_STX && BPF_MODE(insn.code) == BPF_MEM);
}

// What is known of a register: nothing, its number, or that it is the stack's top plus a number; or that it is not null.
struct Value {
  enum Kind : uint8_t { kUnknown, kNumber, kStack, kElement } kind = kUnknown;
  int64_t number = 0;
  bool operator==(const Value&) const = default;
};

// What is known at one place on every path to it. The stack by words of four bytes, from its lowest.
struct Facts {
  std::array<Value, 11> regs;
  std::array<std::optional<int32_t>, hooks::kFrameSize / 4> stack;

  void forget_stack() { stack.fill(std::nullopt); }
  // True where something was known that `other` does not know.
  bool meet(const Facts& other) {
    bool changed = false;
    for (size_t i = 0; i < regs.size(); i++)
      if (regs[i].kind != Value::kUnknown && regs[i] != other.regs[i]) regs[i] = {}, changed = true;
    for (size_t i = 0; i < stack.size(); i++)
      if (stack[i] && stack[i] != other.stack[i]) stack[i].reset(), changed = true;
    return changed;
  }
};

class Simplifier {
 public:
  Simplifier(std::span<const bpf_insn> insns, std::span<const VerifiedMap> maps,
             const Verdict& verdict)
      : insns_(insns),
        maps_(maps),
        verdict_(verdict),
        out_(insns.begin(), insns.end()),
        facts_(insns.size()) {}

  std::vector<bpf_insn> run() {
    flow_ = analyse(insns_);
    if (!flow_.sound) return std::move(out_);
    learn();
    for (uint32_t pc = 0; pc < size(); pc++)
      if (flow_.joins[pc] && facts_[pc]) rewrite_block(pc);
    remove_unreachable();
    while (remove_dead()) {
    }
    return std::move(out_);
  }

 private:
  uint32_t size() const { return static_cast<uint32_t>(insns_.size()); }
  uint32_t target_of(uint32_t pc) const {
    return static_cast<uint32_t>(int64_t{pc} + 1 + insns_[pc].off);
  }
  bool may_jump(uint32_t pc) const { return verdict_.outcomes[pc] & kOutcomeJumps; }
  bool may_fall(uint32_t pc) const { return verdict_.outcomes[pc] & kOutcomeFalls; }

  // ---- forward: what is known where blocks begin, until nothing changes any more
  void learn() {
    for (uint32_t pc = 0; pc < size(); pc++)
      if (flow_.function[pc] == pc) arrive(pc, function_entry());
    while (!pending_.empty()) {
      uint32_t pc = pending_.back();
      pending_.pop_back();
      learn_block(pc);
    }
  }
  static Facts function_entry() {
    Facts facts;
    facts.regs[10] = {Value::kStack, 0};
    return facts;
  }
  void arrive(uint32_t pc, const Facts& facts) {
    if (!facts_[pc])
      facts_[pc] = std::make_unique<Facts>(facts);
    else if (!facts_[pc]->meet(facts))
      return;
    pending_.push_back(pc);
  }
  void learn_block(uint32_t pc) {
    Facts facts = *facts_[pc];
    for (;;) {
      const bpf_insn& insn = insns_[pc];
      if (is_exit(insn)) return;
      if (insn.code == (BPF_JMP | BPF_JA)) return arrive(target_of(pc), facts);
      if (is_conditional(insn)) {
        if (may_jump(pc)) arrive(target_of(pc), facts);
        if (may_fall(pc)) arrive(pc + 1, facts);
        return;
      }
      apply(facts, pc);
      pc += is_wide(insn) ? 2 : 1;
      if (pc >= size()) return;
      if (flow_.joins[pc]) return arrive(pc, facts);
    }
  }

  void apply(Facts& facts, uint32_t pc) const {
    const bpf_insn& insn = insns_[pc];
    switch (BPF_CLASS(insn.code)) {
      case BPF_ALU:
      case BPF_ALU64:
        return apply_alu(facts, insn);
      case BPF_LD:
      case BPF_LDX:
        facts.regs[insn.dst_reg] = {};
        return;
      case BPF_ST:
      case BPF_STX:
        return apply_store(facts, insn);
      default:
        return apply_call(facts, pc);
    }
  }

  void apply_call(Facts& facts, uint32_t pc) const {
    bool folds = constant_element(facts, pc).has_value();
    for (size_t r = 0; r < 6; r++) facts.regs[r] = {};
    if (folds) facts.regs[0] = {Value::kElement, 0};
    if (may_write_stack(insns_[pc])) facts.forget_stack();
  }
  static bool may_write_stack(const bpf_insn& insn) {
    const hooks::HelperRow* row =
        is_helper_call(insn) ? hooks::helper_row(static_cast<uint32_t>(insn.imm)) : nullptr;
    bool writes = !row;
    for (int i = 0; row && i < 5; i++)
      writes |= row->arguments[i] == hooks::Argument::kMemoryOut ||
                row->arguments[i] == hooks::Argument::kValueOut ||
                row->arguments[i] == hooks::Argument::kCallback;
    return writes;
  }

  // The index that a lookup in an array always has.
  std::optional<uint32_t> constant_element(const Facts& facts, uint32_t pc) const {
    const bpf_insn& insn = insns_[pc];
    if (!is_helper_call(insn) || insn.imm != BPF_FUNC_map_lookup_elem || !verdict_.map_of_call[pc])
      return std::nullopt;
    const VerifiedMap& map = maps_[verdict_.map_of_call[pc] - 1u];
    const Value& key = facts.regs[2];
    int64_t at = key.number + hooks::kFrameSize;
    if (!hooks::is_array_type(map.type) || key.kind != Value::kStack || at % 4 || at < 0 ||
        at >= int64_t{hooks::kFrameSize})
      return std::nullopt;
    std::optional<int32_t> index = facts.stack[static_cast<size_t>(at / 4)];
    if (!index || static_cast<uint32_t>(*index) >= map.max_entries) return std::nullopt;
    return static_cast<uint32_t>(*index);
  }

  static void apply_alu(Facts& facts, const bpf_insn& insn) {
    Value& to = facts.regs[insn.dst_reg];
    bool wide = BPF_CLASS(insn.code) == BPF_ALU64, by_register = BPF_SRC(insn.code) == BPF_X;
    if (BPF_OP(insn.code) == BPF_MOV && !by_register)
      to = {Value::kNumber, wide ? int64_t{insn.imm} : int64_t{static_cast<uint32_t>(insn.imm)}};
    else if (BPF_OP(insn.code) == BPF_MOV && wide)
      to = facts.regs[insn.src_reg];
    else if (BPF_OP(insn.code) == BPF_ADD && wide && !by_register && to.kind == Value::kStack)
      to.number += insn.imm;
    else
      to = {};
  }

  static void apply_store(Facts& facts, const bpf_insn& insn) {
    const Value& base = facts.regs[insn.dst_reg];
    int64_t size = hooks::access_size(insn.code);
    int64_t at = base.number + insn.off + hooks::kFrameSize;
    bool known = base.kind == Value::kStack && at >= 0 && at + size <= int64_t{hooks::kFrameSize};
    if (BPF_CLASS(insn.code) == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC) {
      if (base.kind != Value::kElement) facts.forget_stack();
      if (insn.imm & BPF_FETCH) facts.regs[insn.imm == BPF_CMPXCHG ? 0 : insn.src_reg] = {};
      return;
    }
    if (!known && base.kind != Value::kElement) return facts.forget_stack();
    if (!known) return;
    for (int64_t word = at / 4; word <= (at + size - 1) / 4; word++)
      facts.stack[static_cast<size_t>(word)].reset();
    Value value{Value::kNumber, insn.imm};
    if (BPF_CLASS(insn.code) == BPF_STX) value = facts.regs[insn.src_reg];
    if (size < 4 || at % 4 || value.kind != Value::kNumber) return;
    auto word = static_cast<size_t>(at / 4);
    facts.stack[word] = static_cast<int32_t>(value.number);
    if (size == 8) facts.stack[word + 1] = static_cast<int32_t>(value.number >> 32);
  }

  // ---- and with that, block by block
  void rewrite_block(uint32_t pc) {
    Facts facts = *facts_[pc];
    do {
      const bpf_insn& insn = insns_[pc];
      if (is_conditional(insn)) return decide(facts, pc);
      if (is_jump(insn) || is_exit(insn)) return;
      if (std::optional<uint32_t> index = constant_element(facts, pc))
        out_[pc] = {BPF_JMP | BPF_CALL, 0, hooks::kElementAddress,
                    static_cast<int16_t>(verdict_.map_of_call[pc]), static_cast<int32_t>(*index)};
      apply(facts, pc);
      pc += is_wide(insn) ? 2 : 1;
    } while (pc < size() && !flow_.joins[pc]);
  }
  void decide(const Facts& facts, uint32_t pc) {
    const bpf_insn& insn = insns_[pc];
    bool jumps = may_jump(pc), falls = may_fall(pc);
    bool with_null =
        BPF_CLASS(insn.code) == BPF_JMP && BPF_SRC(insn.code) == BPF_K && insn.imm == 0;
    if (with_null && facts.regs[insn.dst_reg].kind == Value::kElement) {
      if (BPF_OP(insn.code) == BPF_JEQ) jumps = false;
      if (BPF_OP(insn.code) == BPF_JNE) falls = false;
    }
    if (jumps == falls) return;
    out_[pc] = kNothing;
    if (jumps) out_[pc].off = insn.off;
  }

  // ---- what no path reaches any more. Ends of functions stay where they are.
  void remove_unreachable() {
    std::vector<bool> reached(size());
    std::vector<uint32_t> todo = {0};
    while (!todo.empty()) {
      uint32_t pc = todo.back();
      todo.pop_back();
      if (pc >= size() || reached[pc]) continue;
      reached[pc] = true;
      const bpf_insn& insn = out_[pc];
      if (is_exit(insn)) continue;
      if (is_jump(insn)) todo.push_back(static_cast<uint32_t>(int64_t{pc} + 1 + insn.off));
      if (is_function_call(insn) || is_function_address(insn))
        todo.push_back(static_cast<uint32_t>(int64_t{pc} + 1 + insn.imm));
      if (insn.code != (BPF_JMP | BPF_JA)) todo.push_back(pc + (is_wide(insn) ? 2 : 1));
    }
    for (uint32_t pc = 0; pc < size(); pc++) {
      bool wide = is_wide(out_[pc]);
      if (!reached[pc] && !is_exit(out_[pc]) && out_[pc].code != (BPF_JMP | BPF_JA)) remove(pc);
      pc += wide;
    }
  }
  void remove(uint32_t pc) {
    if (is_wide(out_[pc])) out_[pc + 1] = kNothing;
    out_[pc] = kNothing;
  }

  // ---- backward: numbers nobody reads, and a stack that is only written
  bool remove_dead() {
    ControlFlow flow = analyse(out_);
    if (!flow.sound) return false;
    bool changed = false;
    bool stack_is_read = reads_stack();
    for (uint32_t pc = 0; pc < size(); pc++) {
      const bpf_insn insn = out_[pc];
      uint8_t kind = BPF_CLASS(insn.code);
      uint32_t next = pc + (is_wide(insn) ? 2 : 1);
      bool makes_number = kind == BPF_ALU || kind == BPF_ALU64 || kind == BPF_LD || kind == BPF_LDX;
      bool dead = makes_number && next < size() && !(flow.live_in[next] >> insn.dst_reg & 1);
      dead |= is_store(insn) && insn.dst_reg == 10 && !stack_is_read;
      if (dead) remove(pc), changed = true;
      pc = next - 1;
    }
    return changed;
  }
  bool reads_stack() const {
    bool reads = false;
    for (uint32_t pc = 0; pc < size(); pc++) {
      const bpf_insn& insn = out_[pc];
      reads |= insn.src_reg == 10 || (insn.dst_reg == 10 && !is_store(insn));
      if (is_wide(insn)) pc++;
    }
    return reads;
  }

  std::span<const bpf_insn> insns_;
  std::span<const VerifiedMap> maps_;
  const Verdict& verdict_;
  std::vector<bpf_insn> out_;
  std::vector<std::unique_ptr<Facts>> facts_;  // where blocks begin
  std::vector<uint32_t> pending_;
  ControlFlow flow_;
};

}  // namespace

std::vector<bpf_insn> simplify(std::span<const bpf_insn> insns, std::span<const VerifiedMap> maps,
                               const Verdict& verdict) {
  return Simplifier(insns, maps, verdict).run();
}

}  // namespace bt::loader
