// SPDX-License-Identifier: MIT
#include <algorithm>

#include "hooks/callback.h"
#include "hooks/map_format.h"
#include "loader/verifier_walk.h"

namespace bt::loader {

using hooks::Argument;
using hooks::HelperRow;
using hooks::Returns;

namespace {

constexpr int32_t kUnresolvedRelocation =
    0xbad2310;  // libbpf writes it where a CO-RE relocation found nothing
constexpr int64_t kHelperMemoryMax = 1 << 20;

// Which maps a helper takes; empty = not one of these helpers.
bool map_fits(uint32_t helper, uint32_t type) {
  using namespace hooks;
  switch (helper) {
    case BPF_FUNC_map_lookup_elem:
    case BPF_FUNC_map_update_elem:
      return is_array_type(type) || is_hash_type(type);
    case BPF_FUNC_for_each_map_elem:
      return is_array_type(type) || is_hash_type(type);
    case BPF_FUNC_map_delete_elem:
      return is_hash_type(type);
    case BPF_FUNC_map_push_elem:
    case BPF_FUNC_map_pop_elem:
    case BPF_FUNC_map_peek_elem:
      return is_queue_type(type);
    case BPF_FUNC_ringbuf_output:
    case BPF_FUNC_ringbuf_reserve:
    case BPF_FUNC_ringbuf_query:
      return type == BPF_MAP_TYPE_RINGBUF;
    case BPF_FUNC_perf_event_output:
      return type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
    case BPF_FUNC_tail_call:
      return type == BPF_MAP_TYPE_PROG_ARRAY;
    case BPF_FUNC_get_stackid:
      return type == BPF_MAP_TYPE_STACK_TRACE;
    case BPF_FUNC_current_task_under_cgroup:
      return type == BPF_MAP_TYPE_CGROUP_ARRAY;
    default:
      return false;
  }
}

// Reads of an address the program computed: any number or pointer will do, the helper reads it safely.
bool takes_address(const HelperRow& row, int number) {
  switch (row.id) {
    case BPF_FUNC_probe_read:
    case BPF_FUNC_probe_read_str:
    case BPF_FUNC_probe_read_user:
    case BPF_FUNC_probe_read_kernel:
    case BPF_FUNC_probe_read_user_str:
    case BPF_FUNC_probe_read_kernel_str:
      return number == 2;
    default:
      return false;
  }
}

std::string name_of_helper(int32_t id) {
#define BT_HELPER_NAME(name) "bpf_" #name
  static constexpr const char* kNames[] = {__BPF_FUNC_MAPPER(BT_HELPER_NAME)};
#undef BT_HELPER_NAME
  bool known = id > 0 && static_cast<size_t>(id) < std::size(kNames);
  return known ? kNames[id] : std::to_string(id);
}

bool is_call_context(ContextKind kind) {
  return kind == ContextKind::kDecide || kind == ContextKind::kCall;
}

}  // namespace

void Walk::check_map_for(const HelperRow& row, const VerifiedMap& map) const {
  if (!map_fits(row.id, map.type))
    refuse(std::string("helper ") + row.name + " does not work on map " + map.name + " of type " +
           std::to_string(map.type));
  if (map.frozen && (row.id == BPF_FUNC_map_update_elem || row.id == BPF_FUNC_map_delete_elem))
    refuse("map " + map.name + " is read-only");
}

void Walk::check_size(State& state, const HelperRow& row, int number) {
  uint32_t index = static_cast<uint32_t>(number) + 1;
  const Reg size = read(state, index);
  if (!size.is_scalar()) refuse(reg_name(index) + " must be a size, and is " + kind_name(size));
  if (size.range.smin < 0) refuse(reg_name(index) + ", a size, may be negative");
  if (size.range.umax > static_cast<uint64_t>(kHelperMemoryMax))
    refuse(reg_name(index) + ", a size, is unbounded: compare it with a constant first");
  if (row.arguments[number] == Argument::kSize && size.range.umin == 0)
    refuse(reg_name(index) + ", a size, may be zero");
  bool write = row.arguments[number - 1] == Argument::kMemoryOut;
  uint32_t memory = index - 1;
  const Reg& where = read(state, memory);
  // A null pointer of size zero is nothing.
  if (size.range.umax == 0 && where.is_scalar() && where.range == ScalarRange::constant(0)) return;
  check_memory(state, memory, static_cast<int64_t>(size.range.umax), write,
               size.range.is_constant());
}

void Walk::check_string(const Reg& reg, uint32_t index) {
  if (reg.kind != Kind::kMapValue || !input_.maps[reg.map].frozen || !reg.range.is_constant())
    refuse(reg_name(index) + " must be a constant string");
  const std::vector<uint8_t>& bytes = input_.maps[reg.map].constants;
  auto at = static_cast<uint64_t>(reg.range.smin);
  bool ends = reg.range.smin >= 0 && at < bytes.size() &&
              std::find(bytes.begin() + static_cast<int64_t>(at), bytes.end(), 0) != bytes.end();
  if (!ends) refuse(reg_name(index) + " is a string without end");
}

void Walk::check_argument(State& state, const HelperRow& row, int number, const bpf_insn&) {
  uint32_t index = static_cast<uint32_t>(number) + 1;
  Argument argument = row.arguments[number];
  if (argument == Argument::kNone) return;
  if (argument == Argument::kAnyOrNone) {
    if (state.reg(index).is_pointer())
      refuse("passes " + kind_name(state.reg(index)) + " as a number");
    return;
  }
  const Reg reg = read(state, index);
  auto expect = [&](bool fits, const char* what) {
    if (!fits)
      refuse(reg_name(index) + " must be " + what + " for helper " + row.name + ", and is " +
             kind_name(reg));
  };
  switch (argument) {
    case Argument::kAny:
      if (!takes_address(row, number)) expect(reg.is_scalar(), "a number");
      break;
    case Argument::kContext:
    case Argument::kCallContext:
      expect(reg.kind == Kind::kContext && reg.range == ScalarRange::constant(0), "the context");
      if (argument == Argument::kCallContext && !is_call_context(input_.context))
        refuse(std::string("helper ") + row.name + " is for btfuse/… programs");
      break;
    case Argument::kMap:
      expect(reg.kind == Kind::kMap, "a map");
      check_map_for(row, input_.maps[reg.map]);
      break;
    case Argument::kKey:
    case Argument::kValue:
    case Argument::kValueOut: {
      expect(reg.is_pointer(), "an address");
      const VerifiedMap& map = input_.maps[state.reg(1).map];
      bool out = argument == Argument::kValueOut;
      check_memory(state, index, argument == Argument::kKey ? map.key_size : map.value_size, out,
                   out);
      break;
    }
    case Argument::kMemory:
    case Argument::kMemoryOut:
      break;  // checked with its size
    case Argument::kSize:
    case Argument::kSizeOrZero:
      check_size(state, row, number);
      break;
    case Argument::kCallback:
      expect(reg.kind == Kind::kFunction, "a function of the program");
      break;
    case Argument::kCallbackContext:
      expect((reg.kind == Kind::kStack && reg.range.is_constant()) ||
                 (reg.is_scalar() && reg.range == ScalarRange::constant(0)),
             "an address in the stack, or null");
      break;
    case Argument::kConstantSize:
      expect(reg.is_scalar() && reg.range.is_constant(), "a constant");
      break;
    case Argument::kString:
      check_string(reg, index);
      break;
    case Argument::kRecord:
      expect(reg.kind == Kind::kRecord && reg.range == ScalarRange::constant(0),
             "the start of a ring buffer record");
      break;
    default:
      break;
  }
}

void Walk::note_map_of_call(uint32_t pc, uint32_t map) {
  uint16_t& noted = verdict_.map_of_call[pc];
  auto now = static_cast<uint16_t>(map + 1);
  noted = noted == 0 || noted == now ? now : UINT16_MAX;
}

void Walk::set_result(State& state, const HelperRow& row, uint32_t record_size) {
  Reg map = state.reg(1);
  uint32_t released = row.arguments[0] == Argument::kRecord ? state.reg(1).id : 0;
  for (int i = 0; i < 6; i++) state.reg(i) = Reg{};
  switch (row.returns) {
    case Returns::kScalar:
    case Returns::kTailCall:
      state.reg(0) = Reg::unknown();
      break;
    case Returns::kVoid:
      state.reg(0) = Reg::unknown();
      break;
    case Returns::kValueOrNull:
      state.reg(0) = Reg::pointer(Kind::kNullableValue, next_id_++);
      state.reg(0).map = map.map;
      break;
    case Returns::kRecordOrNull:
      state.reg(0) = Reg::pointer(Kind::kNullableRecord, next_id_++);
      state.reg(0).size = record_size;
      state.references.push_back(state.reg(0).id);
      break;
  }
  if (!released) return;
  std::erase(state.references, released);
  each_reg(state, [&](Reg& reg) {
    if ((reg.kind == Kind::kRecord || reg.kind == Kind::kNullableRecord) && reg.id == released)
      reg = Reg{};
  });
}

uint32_t Walk::call_helper(State& state, const bpf_insn& insn, uint32_t pc) {
  if (insn.imm == kUnresolvedRelocation)
    refuse("unresolved CO-RE relocation: the field does not exist in bt_fuse's types");
  const HelperRow* row = hooks::helper_row(static_cast<uint32_t>(insn.imm));
  if (!row) refuse("helper " + name_of_helper(insn.imm) + " does not exist here");
  for (int i = 0; i < 5; i++) check_argument(state, *row, i, insn);
  uint32_t record_size = 0;
  if (row->id == BPF_FUNC_map_lookup_elem) note_map_of_call(pc, state.reg(1).map);
  if (row->id == BPF_FUNC_ringbuf_reserve) {
    uint64_t size = state.reg(2).range.umin;
    if (size == 0 || size > (1u << 20))
      refuse("a ring buffer record of " + std::to_string(size) + " bytes");
    record_size = static_cast<uint32_t>(size);
  }
  if (row->returns == Returns::kTailCall) {
    if (state.frames.size() > 1) refuse("tail call from a function");
    if (!state.references.empty()) refuse("tail call while a ring buffer record is open");
  }
  if (hooks::takes_callback(*row)) return begin_round(state, *row, pc);
  set_result(state, *row, record_size);
  return pc + 1;
}

// Two ways on: no further round, and one. After a round the walk comes back to the call (end_round), so that what the
// function changed in the stack is judged for the next.
uint32_t Walk::begin_round(State& state, const HelperRow& row, uint32_t pc) {
  if (state.frames.size() >= hooks::kFramesMax)
    refuse("more than 8 nested functions (or recursion)");
  State enough = state;
  set_result(enough, row, 0);
  push_branch(enough, pc + 1);
  Frame frame;
  frame.callback = true;
  frame.return_to = pc;
  frame.function = state.reg(2).size;
  frame.references = state.references;
  frame.regs[10] = Reg::pointer(Kind::kStack);
  frame.regs[10].frame = static_cast<uint8_t>(state.frames.size());
  if (row.id == BPF_FUNC_loop) {
    uint64_t rounds = std::clamp<uint64_t>(state.reg(1).range.low_half().umax, 1, hooks::kLoopsMax);
    frame.regs[1] = Reg::scalar(ScalarRange::below_or_equal(rounds - 1));
    frame.regs[2] = state.reg(3);
  } else {
    frame.regs[1] = state.reg(1);
    for (int i = 2; i < 4; i++) {
      frame.regs[i] = Reg::pointer(i == 2 ? Kind::kMapKey : Kind::kMapValue);
      frame.regs[i].map = state.reg(1).map;
    }
    frame.regs[4] = state.reg(3);
  }
  state.written[state.frames.size()] = ~uint64_t{0};
  state.frames.push_back(frame);
  return frame.function;
}

uint32_t Walk::end_round(State& state) {
  const Reg result = read(state, 0);
  const Frame& frame = state.top();
  if (!result.is_scalar() || result.range.umax > 1)
    refuse("a function that a helper calls must return 0 (go on) or 1 (enough)");
  if (state.references != frame.references)
    refuse(
        "a function that a helper calls leaves a ring buffer record open, or closes its caller's");
  uint32_t call = frame.return_to;
  state.frames.pop_back();
  state.again = true;
  widen(state, call);
  return call;
}

// Numbers that a round changed are taken for any number, so that a few rounds stand for all.
void Walk::widen(State& state, uint32_t pc) const {
  const std::vector<int32_t>& here = at_[pc];
  int32_t at = state.parent;
  while (at >= 0 && std::find(here.begin(), here.end(), at) == here.end())
    at = remembered_[at].parent;
  if (at < 0) return;
  const State& before = remembered_[at].state;
  for (size_t f = 0; f < std::min(state.frames.size(), before.frames.size()); f++)
    for (uint32_t s = 0; s < kSlots; s++) {
      Slot& now = state.frames[f].stack[s];
      const Slot& then = before.frames[f].stack[s];
      if (now.is_spill() && now.spilled.is_scalar() && !(now == then)) now.spilled = Reg::unknown();
    }
}

void Walk::mark_whole_stack_read(State& state) {
  for (uint32_t frame = 0; frame < state.frames.size(); frame++)
    for (uint32_t slot = 0; slot < kSlots; slot++) mark_read(state, frame, slot);
}

uint32_t Walk::call_function(State& state, uint32_t pc) {
  auto target = static_cast<uint32_t>(int64_t{pc} + 1 + insns_[pc].imm);
  if (state.frames.size() >= hooks::kFramesMax)
    refuse("more than 8 nested functions (or recursion)");
  Frame frame;
  frame.return_to = pc + 1;
  frame.function = target;
  for (int i = 1; i < 6; i++) frame.regs[i] = state.reg(i);
  frame.regs[10] = Reg::pointer(Kind::kStack);
  frame.regs[10].frame = static_cast<uint8_t>(state.frames.size());
  for (int i = 0; i < 6; i++) state.reg(i) = Reg{};
  state.written[state.frames.size()] =
      ~uint64_t{0};  // nothing below has been read before it is written
  state.frames.push_back(frame);
  return target;
}

}  // namespace bt::loader
