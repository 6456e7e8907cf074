// SPDX-License-Identifier: MIT
#include "loader/control_flow.h"

#include <algorithm>

#include "hooks/helpers.h"
#include "hooks/image_format.h"

namespace bt::loader {
namespace {

struct Refused {
  uint32_t insn;
  std::string reason;
};

bool known_alu(const bpf_insn& insn) {
  uint8_t operation = BPF_OP(insn.code);
  bool by_register = BPF_SRC(insn.code) == BPF_X;
  if (insn.off != 0) return false;  // v4: signed division, sign-extending moves
  if (operation == BPF_END)
    return BPF_CLASS(insn.code) == BPF_ALU && insn.src_reg == 0 &&
           (insn.imm == 16 || insn.imm == 32 || insn.imm == 64);
  if (operation == BPF_NEG) return !by_register && insn.src_reg == 0 && insn.imm == 0;
  if (operation > BPF_ARSH) return false;
  return by_register ? insn.imm == 0 : insn.src_reg == 0;
}

bool known_memory(const bpf_insn& insn) {
  uint8_t mode = BPF_MODE(insn.code);
  if (BPF_CLASS(insn.code) == BPF_LDX) return mode == BPF_MEM && insn.imm == 0;
  if (BPF_CLASS(insn.code) == BPF_ST) return mode == BPF_MEM && insn.src_reg == 0;
  if (mode == BPF_MEM) return insn.imm == 0;
  bool word = BPF_SIZE(insn.code) == BPF_W || BPF_SIZE(insn.code) == BPF_DW;
  if (mode != BPF_ATOMIC || !word) return false;
  int32_t operation = insn.imm & ~BPF_FETCH;
  return insn.imm == BPF_XCHG || insn.imm == BPF_CMPXCHG || operation == BPF_ADD ||
         operation == BPF_OR || operation == BPF_AND || operation == BPF_XOR;
}

bool known_jump(const bpf_insn& insn) {
  uint8_t operation = BPF_OP(insn.code);
  bool wide = BPF_CLASS(insn.code) == BPF_JMP;
  bool by_register = BPF_SRC(insn.code) == BPF_X;
  if (operation == BPF_CALL) return wide && !by_register && insn.dst_reg == 0;
  if (operation == BPF_EXIT) return wide && insn.code == (BPF_JMP | BPF_EXIT);
  if (operation == BPF_JA) return wide && !by_register && insn.imm == 0;
  if (operation > BPF_JSLE) return false;
  return by_register ? insn.imm == 0 : insn.src_reg == 0;
}

bool known(const bpf_insn& insn) {
  if (insn.dst_reg > 10 || insn.src_reg > 10) return false;
  switch (BPF_CLASS(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return known_alu(insn);
    case BPF_LD:
      return is_wide(insn) && insn.off == 0;
    case BPF_JMP:
    case BPF_JMP32:
      return known_jump(insn);
    default:
      return known_memory(insn);
  }
}

bool writes_register(const bpf_insn& insn) {
  uint8_t kind = BPF_CLASS(insn.code);
  return kind == BPF_ALU || kind == BPF_ALU64 || kind == BPF_LD || kind == BPF_LDX;
}

class Analysis {
 public:
  explicit Analysis(std::span<const bpf_insn> insns)
      : insns_(insns), second_half_(insns.size()), starts_(insns.size()) {}

  ControlFlow run() {
    try {
      check_instructions();
      find_functions();
      check_jumps();
      find_live_registers();
      flow_.sound = true;
    } catch (const Refused& refused) {
      flow_.insn = refused.insn;
      flow_.reason = refused.reason;
    }
    return std::move(flow_);
  }

 private:
  uint32_t size() const { return static_cast<uint32_t>(insns_.size()); }

  void check_instructions() {
    if (insns_.empty()) throw Refused{0, "no instructions"};
    for (uint32_t i = 0; i < size(); i++) {
      const bpf_insn& insn = insns_[i];
      if (!known(insn)) throw Refused{i, "unknown instruction"};
      if (writes_register(insn) && insn.dst_reg == 10)
        throw Refused{i, "frame pointer is read only"};
      if (!is_wide(insn)) continue;
      if (i + 1 == size() || insns_[i + 1].code || insns_[i + 1].dst_reg || insns_[i + 1].src_reg ||
          insns_[i + 1].off)
        throw Refused{i, "a 64-bit load without its second half"};
      second_half_[++i] = true;
    }
  }

  void find_functions() {
    starts_[0] = true;
    for (uint32_t i = 0; i < size(); i++)
      if (!second_half_[i] && (is_function_call(insns_[i]) || is_function_address(insns_[i])))
        starts_[target_of_call(i)] = true;
    flow_.function.resize(size());
    uint32_t start = 0;
    for (uint32_t i = 0; i < size(); i++) {
      if (starts_[i]) start = i;
      flow_.function[i] = start;
      bool last = i + 1 == size() || starts_[i + 1];
      if (last &&
          (second_half_[i] || !(is_exit(insns_[i]) || insns_[i].code == (BPF_JMP | BPF_JA))))
        throw Refused{i, "a function ends without exit"};
    }
  }

  uint32_t target_of_call(uint32_t i) {
    int64_t target = int64_t{i} + 1 + insns_[i].imm;
    if (target < 0 || target >= size() || second_half_[static_cast<size_t>(target)])
      throw Refused{i, "call out of range"};
    return static_cast<uint32_t>(target);
  }

  uint32_t target_of_jump(uint32_t i) const {
    return static_cast<uint32_t>(int64_t{i} + 1 + insns_[i].off);
  }

  void check_jumps() {
    flow_.joins.assign(size(), false);
    for (uint32_t i = 0; i < size(); i++) {
      if (starts_[i]) flow_.joins[i] = true;
      if (second_half_[i]) continue;
      if (is_function_call(insns_[i]) && i + 1 < size()) flow_.joins[i + 1] = true;
      if (calls_back(insns_[i])) flow_.joins[i] = true;
      if (!is_jump(insns_[i])) continue;
      int64_t target = int64_t{i} + 1 + insns_[i].off;
      if (target < 0 || target >= size() || second_half_[static_cast<size_t>(target)])
        throw Refused{i, "jump out of range"};
      if (flow_.function[static_cast<size_t>(target)] != flow_.function[i])
        throw Refused{i, "jump into another function"};
      flow_.joins[static_cast<size_t>(target)] = true;
      if (i + 1 < size()) flow_.joins[i + 1] = true;
    }
  }

  uint16_t arguments_of(const bpf_insn& insn) const {
    const hooks::HelperRow* row = hooks::helper_row(static_cast<uint32_t>(insn.imm));
    if (is_function_call(insn) || !row) return 0x3e;
    uint16_t mask = 0;
    for (int i = 0; i < 5; i++)
      if (row->arguments[i] != hooks::Argument::kNone) mask |= static_cast<uint16_t>(2 << i);
    return mask;
  }

  // Registers read by the instruction, and those it overwrites.
  void uses(const bpf_insn& insn, uint16_t& reads, uint16_t& writes) const {
    auto dst = static_cast<uint16_t>(1 << insn.dst_reg),
         src = static_cast<uint16_t>(1 << insn.src_reg);
    reads = writes = 0;
    bool by_register = BPF_SRC(insn.code) == BPF_X;
    switch (BPF_CLASS(insn.code)) {
      case BPF_ALU:
      case BPF_ALU64:
        writes = dst;
        if (BPF_OP(insn.code) != BPF_MOV) reads |= dst;
        if (by_register && BPF_OP(insn.code) != BPF_END) reads |= src;
        break;
      case BPF_LD:
        writes = dst;
        break;
      case BPF_LDX:
        writes = dst, reads = src;
        break;
      case BPF_ST:
        reads = dst;
        break;
      case BPF_STX:
        reads = dst | src;
        if (BPF_MODE(insn.code) == BPF_ATOMIC && insn.imm == BPF_CMPXCHG) reads |= 1;
        break;
      default:
        if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == hooks::kElementAddress)
          writes = 1;
        else if (insn.code == (BPF_JMP | BPF_CALL))
          reads = arguments_of(insn), writes = 0x3f;
        else if (is_exit(insn))
          reads = 1;
        else if (BPF_OP(insn.code) != BPF_JA)
          reads = static_cast<uint16_t>(dst | (by_register ? src : 0));
    }
  }

  uint16_t live_after(uint32_t i) const {
    if (is_exit(insns_[i])) return 0;  // the caller's r6–r9 are in the caller's frame
    uint16_t live = 0;
    if (is_jump(insns_[i])) live |= flow_.live_in[target_of_jump(i)];
    uint32_t next = i + (is_wide(insns_[i]) ? 2 : 1);
    if (insns_[i].code != (BPF_JMP | BPF_JA) && next < size()) live |= flow_.live_in[next];
    return live;
  }

  void find_live_registers() {
    flow_.live_in.assign(size(), 0);
    for (bool changed = true; changed;) {
      changed = false;
      for (uint32_t i = size(); i-- > 0;) {
        if (second_half_[i]) continue;
        uint16_t reads, writes;
        uses(insns_[i], reads, writes);
        auto live = static_cast<uint16_t>((live_after(i) & ~writes) | reads);
        if (live != flow_.live_in[i]) flow_.live_in[i] = live, changed = true;
      }
    }
  }

  std::span<const bpf_insn> insns_;
  std::vector<bool> second_half_;
  std::vector<bool> starts_;
  ControlFlow flow_;
};

}  // namespace

bool calls_back(const bpf_insn& insn) {
  const hooks::HelperRow* row =
      is_helper_call(insn) ? hooks::helper_row(static_cast<uint32_t>(insn.imm)) : nullptr;
  return row && hooks::takes_callback(*row);
}

ControlFlow analyse(std::span<const bpf_insn> insns) { return Analysis(insns).run(); }

}  // namespace bt::loader
