// SPDX-License-Identifier: MIT
#include "loader/verifier.h"

#include <algorithm>
#include <utility>

#include "loader/verifier_walk.h"

namespace bt::loader {
namespace {
// Pointers go this far out of what they point into and no further, so that no sum of offsets overflows.
constexpr int64_t kOffsetMax = 1 << 29;
constexpr size_t kStatesAtOnePlaceMax = 256;
}  // namespace

std::string kind_name(const Reg& reg) {
  switch (reg.kind) {
    case Kind::kUninitialised:
      return "uninitialised";
    case Kind::kScalar:
      return "a number";
    case Kind::kContext:
      return "the context";
    case Kind::kStack:
      return "a stack pointer";
    case Kind::kMap:
      return "a map";
    case Kind::kMapValue:
      return "a map value";
    case Kind::kNullableValue:
      return "a map value that may be null";
    case Kind::kRecord:
      return "a ring buffer record";
    case Kind::kNullableRecord:
      return "a ring buffer record that may be null";
    case Kind::kMapKey:
      return "a map key";
    case Kind::kFunction:
      return "a function";
  }
  return "";
}

const Reg& Walk::read(const State& state, uint32_t index) const {
  const Reg& reg = state.reg(index);
  if (reg.kind == Kind::kUninitialised) refuse(reg_name(index) + " is not initialised");
  return reg;
}

Verdict Walk::run() {
  flow_ = analyse(insns_);
  if (!flow_.sound) {
    verdict_.insn = flow_.insn;
    verdict_.reason = flow_.reason;
    return verdict_;
  }
  verdict_.map_of_call.assign(insns_.size(), 0);
  verdict_.outcomes.assign(insns_.size(), 0);
  at_.resize(insns_.size());
  State state;
  state.frames.resize(1);
  state.written.fill(~uint64_t{0});
  state.reg(1) = Reg::pointer(Kind::kContext);
  state.reg(10) = Reg::pointer(Kind::kStack);
  try {
    walk_path(std::move(state), 0);
    while (!pending_.empty()) {
      Pending next = std::move(pending_.back());
      pending_.pop_back();
      walk_path(std::move(next.state), next.pc);
    }
    verdict_.accepted = true;
  } catch (const Refusal& refusal) {
    verdict_.insn = pc_;
    verdict_.reason = refusal.reason;
  }
  for (uint16_t& map : verdict_.map_of_call)
    if (map == UINT16_MAX) map = 0;
  return verdict_;
}

void Walk::walk_path(State state, uint32_t pc) {
  for (bool ended = false; !ended;) {
    pc_ = pc;
    if (++verdict_.steps > kStepsMax)
      refuse("too complex: more than " + std::to_string(kStepsMax) +
             " steps (does every loop end?)");
    if (flow_.joins[pc] && is_known(state, pc)) break;
    insns_since_++;
    pc = step(state, pc, ended);
  }
  path_ended(state.parent);
}

// A remembered state has been found safe when no path from it is left to walk.
void Walk::path_ended(int32_t parent) {
  while (parent >= 0 && --remembered_[parent].branches == 0) parent = remembered_[parent].parent;
}

bool Walk::is_known(State& state, uint32_t pc) {
  const bool again = std::exchange(state.again, false);
  for (int32_t index : at_[pc]) {
    Remembered& before = remembered_[index];
    if (before.branches) {
      // A further round that knows no less than one whose paths are being walked adds none: the helper bounds their number.
      // Which slots those paths will read is not known yet, so all count.
      if (again && included(before.state, state, flow_.live_in[pc], kWholeStack)) {
        mark_whole_stack_read(state);
        return true;
      }
      if (again) continue;
      if (identical(before.state, state, flow_.live_in[pc])) refuse("infinite loop");
      continue;
    }
    if (!included(before.state, state, flow_.live_in[pc], before.live)) continue;
    // What was read beyond that point is read on this path too.
    for (uint32_t frame = 0; frame < state.frames.size(); frame++)
      for (uint32_t slot = 0; slot < kSlots; slot++)
        if (before.live[frame] >> slot & 1) mark_read(state, frame, slot);
    return true;
  }
  remember(state, pc);
  return false;
}

void Walk::remember(State& state, uint32_t pc) {
  // Every join of a long straight program need not be remembered: the kernel's rule of thumb.
  bool worth = insns_since_ >= 8 || jumps_since_ >= 2 || state.parent < 0 || calls_back(insns_[pc]);
  if (!worth || at_[pc].size() >= kStatesAtOnePlaceMax || remembered_.size() >= kStatesMax) return;
  insns_since_ = jumps_since_ = 0;
  remembered_.push_back({state, state.parent, 1, {}, state.written});
  auto index = static_cast<int32_t>(remembered_.size() - 1);
  at_[pc].push_back(index);
  state.parent = index;
  state.written = {};
}

void Walk::push_branch(const State& state, uint32_t pc) {
  if (pending_.size() > 8192) refuse("too complex: too many branches at once");
  if (state.parent >= 0) remembered_[state.parent].branches++;
  pending_.push_back({state, pc});
}

uint32_t Walk::step(State& state, uint32_t pc, bool& ended) {
  const bpf_insn& insn = insns_[pc];
  switch (BPF_CLASS(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      alu(state, insn);
      return pc + 1;
    case BPF_LD:
      load_wide(state, pc);
      return pc + 2;
    case BPF_LDX:
    case BPF_ST:
    case BPF_STX:
      memory(state, insn);
      return pc + 1;
    default:
      break;
  }
  jumps_since_++;
  if (is_exit(insn)) return exit(state, ended);
  if (is_function_call(insn)) return call_function(state, pc);
  if (is_helper_call(insn)) return call_helper(state, insn, pc);
  if (insn.code == (BPF_JMP | BPF_CALL)) refuse("call of a kernel function");
  return branch(state, pc, ended);
}

void Walk::load_wide(State& state, uint32_t pc) {
  const bpf_insn& insn = insns_[pc];
  auto low = static_cast<uint32_t>(insn.imm), high = static_cast<uint32_t>(insns_[pc + 1].imm);
  Reg& to = state.reg(insn.dst_reg);
  if (insn.src_reg == 0) {
    to = Reg::scalar(ScalarRange::constant(low | static_cast<uint64_t>(high) << 32));
    return;
  }
  if (insn.src_reg == BPF_PSEUDO_FUNC) {
    to = Reg::pointer(Kind::kFunction);
    to.size = static_cast<uint32_t>(int64_t{pc} + 1 + insn.imm);
    return;
  }
  if (insn.src_reg != BPF_PSEUDO_MAP_FD && insn.src_reg != BPF_PSEUDO_MAP_VALUE)
    refuse("addresses of kernel variables are not supported");
  if (low >= input_.maps.size()) refuse("no such map");
  to = Reg::pointer(insn.src_reg == BPF_PSEUDO_MAP_FD ? Kind::kMap : Kind::kMapValue);
  to.map = static_cast<uint16_t>(low);
  if (insn.src_reg == BPF_PSEUDO_MAP_FD) return;
  const VerifiedMap& map = input_.maps[low];
  if (map.type != BPF_MAP_TYPE_ARRAY || high >= map.value_size)
    refuse("address outside of a map's value");
  to.range = ScalarRange::constant(high);
}

void Walk::move(State& state, const bpf_insn& insn) {
  Reg& to = state.reg(insn.dst_reg);
  bool wide = BPF_CLASS(insn.code) == BPF_ALU64;
  if (BPF_SRC(insn.code) == BPF_K) {
    uint64_t value =
        wide ? static_cast<uint64_t>(int64_t{insn.imm}) : static_cast<uint32_t>(insn.imm);
    to = Reg::scalar(ScalarRange::constant(value));
    return;
  }
  read(state, insn.src_reg);
  Reg& from = state.reg(insn.src_reg);
  if (!wide && from.is_pointer())
    refuse(reg_name(insn.src_reg) + " is a pointer and would lose its upper half");
  bool same = wide || from.range.fits_32_bits();
  if (from.is_scalar() && same && from.id == 0 && !from.range.is_constant()) from.id = next_id_++;
  Reg copy = from;
  if (!same) copy = Reg::scalar(from.range.low_half());
  to = copy;
}

void Walk::alu(State& state, const bpf_insn& insn) {
  uint8_t operation = BPF_OP(insn.code);
  if (operation == BPF_MOV) return move(state, insn);
  bool by_register = BPF_SRC(insn.code) == BPF_X && operation != BPF_END;
  const Reg& target = read(state, insn.dst_reg);
  Reg operand = Reg::scalar(ScalarRange::constant(BPF_CLASS(insn.code) == BPF_ALU64
                                                      ? static_cast<uint64_t>(int64_t{insn.imm})
                                                      : static_cast<uint32_t>(insn.imm)));
  if (by_register) operand = read(state, insn.src_reg);
  if (target.is_pointer() || operand.is_pointer())
    pointer_arithmetic(state, insn, operand);
  else
    alu_scalar(state, insn, operand);
}

void Walk::alu_scalar(State& state, const bpf_insn& insn, const Reg& operand) {
  Reg& target = state.reg(insn.dst_reg);
  uint8_t operation = BPF_OP(insn.code);
  if (operation == BPF_END) {
    uint64_t max = insn.imm == 64 ? UINT64_MAX : (uint64_t{1} << insn.imm) - 1;
    bool keeps = BPF_SRC(insn.code) == BPF_TO_LE && target.range.umax <= max;
    target = keeps ? target : Reg::scalar(ScalarRange::below_or_equal(max));
    return;
  }
  bool self = BPF_SRC(insn.code) == BPF_X && insn.src_reg == insn.dst_reg;
  if (self && (operation == BPF_XOR || operation == BPF_SUB)) {
    target = Reg::scalar(ScalarRange::constant(0));
    return;
  }
  target = Reg::scalar(range_of_operation(operation, target.range, operand.range,
                                          BPF_CLASS(insn.code) == BPF_ALU64));
}

void Walk::pointer_arithmetic(State& state, const bpf_insn& insn, const Reg& operand) {
  Reg target = state.reg(insn.dst_reg);
  uint8_t operation = BPF_OP(insn.code);
  bool swapped = !target.is_pointer();
  const Reg& pointer = swapped ? operand : target;
  const Reg& number = swapped ? target : operand;
  if (number.is_pointer()) refuse("arithmetic on two pointers");
  if (BPF_CLASS(insn.code) != BPF_ALU64) refuse("32-bit arithmetic on a pointer");
  if (operation != BPF_ADD && (operation != BPF_SUB || swapped))
    refuse("only addition and subtraction of a number are allowed on a pointer");
  if (pointer.is_nullable()) refuse("arithmetic on " + kind_name(pointer) + ": check it first");
  if (pointer.kind == Kind::kMap) refuse("arithmetic on a map");
  if (pointer.kind == Kind::kFunction) refuse("arithmetic on a function");
  Reg result = pointer;
  result.range = range_of_operation(operation, pointer.range, number.range, true);
  if (result.range.smin < -kOffsetMax || result.range.smax > kOffsetMax)
    refuse("the offset of " + kind_name(pointer) +
           " is unbounded: compare the number with a constant first");
  if (pointer.kind == Kind::kContext && !result.range.is_constant())
    refuse("variable offset into the context");
  state.reg(insn.dst_reg) = result;
}

// After a check, every register and slot that holds the same number knows what was learnt.
void Walk::spread(State& state, uint32_t id, const ScalarRange& range) {
  if (!id) return;
  each_reg(state, [&](Reg& reg) {
    if (reg.is_scalar() && reg.id == id) reg.range = range;
  });
}

void Walk::mark_null(State& state, uint32_t id, bool is_null) {
  bool was_record = false;
  each_reg(state, [&](Reg& reg) {
    if (!reg.is_nullable() || reg.id != id) return;
    was_record |= reg.kind == Kind::kNullableRecord;
    if (is_null) {
      reg = Reg::scalar(ScalarRange::constant(0));
    } else if (reg.kind == Kind::kNullableRecord) {
      reg.kind = Kind::kRecord;
    } else {
      reg.kind = Kind::kMapValue;
      reg.id = 0;
    }
  });
  if (is_null && was_record) std::erase(state.references, id);
}

uint32_t Walk::branch_on_null(State& state, uint32_t pc) {
  const bpf_insn& insn = insns_[pc];
  uint32_t id = state.reg(insn.dst_reg).id;
  verdict_.outcomes[pc] = kOutcomeFalls | kOutcomeJumps;
  bool jumps_if_null = BPF_OP(insn.code) == BPF_JEQ;
  State other = state;
  mark_null(other, id, jumps_if_null);
  push_branch(other, static_cast<uint32_t>(int64_t{pc} + 1 + insn.off));
  mark_null(state, id, !jumps_if_null);
  return pc + 1;
}

uint32_t Walk::branch(State& state, uint32_t pc, bool& ended) {
  const bpf_insn& insn = insns_[pc];
  auto target = static_cast<uint32_t>(int64_t{pc} + 1 + insn.off);
  uint8_t operation = BPF_OP(insn.code);
  if (operation == BPF_JA) return target;
  bool wide = BPF_CLASS(insn.code) == BPF_JMP, by_register = BPF_SRC(insn.code) == BPF_X;
  const Reg a = read(state, insn.dst_reg);
  Reg b = Reg::scalar(ScalarRange::constant(static_cast<uint64_t>(int64_t{insn.imm})));
  if (by_register) b = read(state, insn.src_reg);
  if (a.is_pointer() || b.is_pointer()) {
    bool with_null =
        wide && !by_register && insn.imm == 0 && (operation == BPF_JEQ || operation == BPF_JNE);
    if (!with_null) refuse("a pointer may be compared with null only");
    if (a.is_nullable()) return branch_on_null(state, pc);
    bool jumps = operation == BPF_JNE;  // never null
    verdict_.outcomes[pc] |= jumps ? kOutcomeJumps : kOutcomeFalls;
    return jumps ? target : pc + 1;
  }
  auto outcome = [&](State& where, bool taken) {
    ScalarRange x = a.range, y = b.range;
    if (!refine(operation, taken, wide, x, y)) return false;
    where.reg(insn.dst_reg).range = x;
    spread(where, a.id, x);
    if (by_register) {
      where.reg(insn.src_reg).range = y;
      spread(where, b.id, y);
    }
    return true;
  };
  State other = state;
  bool may_jump = outcome(other, true), may_fall = outcome(state, false);
  verdict_.outcomes[pc] |=
      static_cast<uint8_t>((may_jump ? kOutcomeJumps : 0) | (may_fall ? kOutcomeFalls : 0));
  if (may_jump && may_fall) {
    push_branch(other, target);
    return pc + 1;
  }
  if (may_jump) {
    state = std::move(other);
    return target;
  }
  ended = !may_fall;  // neither: this path does not exist
  return pc + 1;
}

uint32_t Walk::exit(State& state, bool& ended) {
  Reg result = state.reg(0);
  if (state.top().callback) return end_round(state);
  if (state.frames.size() > 1) {
    if (result.kind == Kind::kStack && result.frame + 1u == state.frames.size())
      refuse("returns a pointer into its own stack");
    uint32_t back = state.top().return_to;
    state.frames.pop_back();
    for (int i = 1; i < 6; i++) state.reg(i) = Reg{};
    state.reg(0) = result;
    return back;
  }
  read(state, 0);
  if (result.is_pointer()) refuse("returns " + kind_name(result) + " in r0");
  if (!state.references.empty()) refuse("a ring buffer record is neither submitted nor discarded");
  ended = true;
  return 0;
}

Verdict verify(const VerifierInput& input) { return Walk(input).run(); }

}  // namespace bt::loader
