// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "hooks/instruction.h"
#include "loader/verifier_walk.h"

namespace bt::loader {
namespace {

ScalarRange loaded_range(uint32_t size) {
  return size == 8 ? ScalarRange::unknown()
                   : ScalarRange::below_or_equal((uint64_t{1} << (8 * size)) - 1);
}

std::string range_text(int64_t low, int64_t high, int64_t size) {
  std::string where =
      low == high ? std::to_string(low) : std::to_string(low) + ".." + std::to_string(high);
  return std::to_string(size) + " bytes at offset " + where;
}

int64_t context_size(ContextKind kind) {
  switch (kind) {
    case ContextKind::kSysEnter:
      return sizeof(hooks::SysEnterContext);
    case ContextKind::kSysExit:
      return sizeof(hooks::SysExitContext);
    default:
      return sizeof(hooks::CallContext);
  }
}

}  // namespace

void Walk::memory(State& state, const bpf_insn& insn) {
  uint32_t size = hooks::access_size(insn.code);
  bool loads = BPF_CLASS(insn.code) == BPF_LDX;
  uint32_t base_index = loads ? insn.src_reg : insn.dst_reg;
  const Reg base = read(state, base_index);
  if (BPF_CLASS(insn.code) == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC)
    return atomic(state, insn, size);
  check_region(base, base_index, insn.off, size, !loads);
  if (loads) {
    Reg value;
    if (base.kind == Kind::kStack)
      value = load_stack(state, base, insn.off, size);
    else
      value = load_constant(base, insn.off, size);
    state.reg(insn.dst_reg) = value;
    return;
  }
  Reg value = Reg::scalar(ScalarRange::constant(static_cast<uint64_t>(int64_t{insn.imm})));
  if (BPF_CLASS(insn.code) == BPF_STX) {
    read(state, insn.src_reg);
    Reg& source = state.reg(insn.src_reg);
    if (source.is_scalar() && source.id == 0 && size == 8 && !source.range.is_constant())
      source.id = next_id_++;
    value = source;
  }
  if (base.kind == Kind::kStack) return store_stack(state, base, insn.off, size, value);
  if (value.is_pointer())
    refuse("stores " + kind_name(value) + " where other programs can read it");
}

Walk::Region Walk::region_of(const Reg& reg, uint32_t index) const {
  switch (reg.kind) {
    case Kind::kStack:
      return {0, true, "stack"};
    case Kind::kContext:
      return {context_size(input_.context), false, "context"};
    case Kind::kMapValue: {
      const VerifiedMap& map = input_.maps[reg.map];
      return {map.value_size, !map.frozen, "map value"};
    }
    case Kind::kMapKey:
      return {input_.maps[reg.map].key_size, false, "map key"};
    case Kind::kRecord:
      return {reg.size, true, "ring buffer record"};
    case Kind::kNullableValue:
    case Kind::kNullableRecord:
      refuse(reg_name(index) + " is " + kind_name(reg) + ": compare it with null first");
    default:
      refuse(reg_name(index) + " is " + kind_name(reg) + ", not an address");
  }
}

void Walk::check_region(const Reg& reg, uint32_t index, int64_t offset, int64_t size, bool write) {
  Region region = region_of(reg, index);
  if (reg.kind == Kind::kContext) return check_context(reg, offset, size, write);
  int64_t low = reg.range.smin + offset, high = reg.range.smax + offset;
  int64_t begin = reg.kind == Kind::kStack ? -static_cast<int64_t>(hooks::kFrameSize) : 0;
  int64_t end = reg.kind == Kind::kStack ? 0 : region.size;
  if (low < begin || high + size > end) {
    std::string what = std::string(write ? "writes " : "reads ") + range_text(low, high, size) +
                       " of a " + region.name + " of " + std::to_string(end - begin) + " bytes";
    refuse(what);
  }
  if (write && !region.writable) refuse(std::string("writes to a read-only ") + region.name);
}

void Walk::check_context(const Reg& reg, int64_t offset, int64_t size, bool write) {
  int64_t at = reg.range.smin + offset;
  if (at < 0 || at + size > context_size(input_.context))
    refuse(std::string(write ? "writes " : "reads ") + range_text(at, at, size) +
           " of a context of " + std::to_string(context_size(input_.context)) + " bytes");
  for (int64_t word = at / 8; word <= (at + size - 1) / 8; word++)
    verdict_.context_words |= 1u << word;
  if (!write) return;
  bool action = at == offsetof(hooks::CallContext, action) && size == 4;
  bool result = at == offsetof(hooks::CallContext, ret) && size == 8;
  if (input_.context != ContextKind::kDecide) refuse("writes to the context, which is read-only");
  if (!action && !result) refuse("writes to a read-only field of the context");
}

// A frozen map's contents are known, which decides the branches that a tool's options guard.
Reg Walk::load_constant(const Reg& base, int64_t offset, uint32_t size) const {
  if (base.kind == Kind::kMapValue && base.range.is_constant() && input_.maps[base.map].frozen) {
    const std::vector<uint8_t>& constants = input_.maps[base.map].constants;
    auto at = static_cast<uint64_t>(base.range.smin + offset);
    if (at + size <= constants.size()) {
      uint64_t value = 0;
      std::memcpy(&value, constants.data() + at, size);
      return Reg::scalar(ScalarRange::constant(value));
    }
  }
  return Reg::scalar(loaded_range(size));
}

// Says that paths from every remembered state back to where the slot was last written need it.
void Walk::mark_read(State& state, uint32_t frame, uint32_t slot) {
  uint64_t bit = uint64_t{1} << slot;
  uint64_t written = state.written[frame];
  for (int32_t at = state.parent; at >= 0 && !(written & bit); at = remembered_[at].parent) {
    Remembered& before = remembered_[at];
    if (frame >= before.state.frames.size() || before.live[frame] & bit) break;
    before.live[frame] |= bit;
    written = before.written[frame];
  }
}

// Every byte of [low, high) must hold data. Offsets from the frame's top, inside it.
void Walk::read_stack_range(State& state, uint32_t frame, int64_t low, int64_t high,
                            bool data_only) {
  for (int64_t at = low; at < high; at++) {
    auto byte = static_cast<uint32_t>(at + hooks::kFrameSize);
    Slot& slot = state.frames[frame].stack[byte / 8];
    if (slot.bytes[byte % 8] == Byte::kInvalid)
      refuse("reads stack byte " + std::to_string(at) + ", which is not initialised");
    if (data_only && slot.is_spill() && !slot.spilled.is_scalar())
      refuse("reads part of a pointer at stack byte " + std::to_string(at));
    mark_read(state, frame, byte / 8);
  }
}

void Walk::write_stack_range(State& state, uint32_t frame, int64_t low, int64_t high) {
  for (int64_t at = low; at < high; at++) {
    auto byte = static_cast<uint32_t>(at + hooks::kFrameSize);
    Slot& slot = state.frames[frame].stack[byte / 8];
    if (slot.is_spill()) {
      // What is left of a spilled number is data; what is left of a pointer is nothing.
      Byte rest = slot.spilled.is_scalar() ? Byte::kData : Byte::kInvalid;
      slot.bytes.fill(rest);
      slot.spilled = Reg{};
    }
    slot.bytes[byte % 8] = Byte::kData;
    bool whole = byte % 8 == 0 && at + 8 <= high;
    if (whole) state.written[frame] |= uint64_t{1} << (byte / 8);
  }
}

Reg Walk::load_stack(State& state, const Reg& base, int64_t offset, uint32_t size) {
  int64_t low = base.range.smin + offset, high = base.range.smax + offset + size;
  uint32_t frame = base.frame;
  auto byte = static_cast<uint32_t>(low + hooks::kFrameSize);
  Slot& slot = state.frames[frame].stack[byte / 8];
  bool exact = base.range.is_constant();
  if (exact && size == 8 && byte % 8 == 0 && slot.is_spill()) {
    mark_read(state, frame, byte / 8);
    return slot.spilled;
  }
  bool low_part = exact && byte % 8 == 0 && slot.is_spill() && slot.spilled.is_scalar() &&
                  byte / 8 == (byte + size - 1) / 8;
  read_stack_range(state, frame, low, high, true);
  // The low bytes of a spilled number: what 32-bit code writes and reads back.
  if (low_part && size == 4) return Reg::scalar(slot.spilled.range.low_half());
  if (low_part && slot.spilled.range.umax <= loaded_range(size).umax)
    return Reg::scalar(slot.spilled.range);
  return Reg::scalar(loaded_range(size));
}

void Walk::store_stack(State& state, const Reg& base, int64_t offset, uint32_t size,
                       const Reg& value) {
  int64_t low = base.range.smin + offset;
  uint32_t frame = base.frame;
  if (!base.range.is_constant()) {
    // Somewhere in the range one value is written: all of it must hold data before, and all of it may change.
    if (value.is_pointer()) refuse("stores a pointer at a variable stack offset");
    int64_t high = base.range.smax + offset + size;
    read_stack_range(state, frame, low, high, true);
    StackMasks before = state.written;
    write_stack_range(state, frame, low, high);
    state.written = before;
    return;
  }
  auto byte = static_cast<uint32_t>(low + hooks::kFrameSize);
  bool aligned = size == 8 && byte % 8 == 0;
  if (value.is_pointer() && !aligned) refuse("stores part of a pointer");
  if (value.kind == Kind::kStack && value.frame > frame)
    refuse("stores a pointer into its own stack where its caller keeps it");
  write_stack_range(state, frame, low, low + size);
  Slot& slot = state.frames[frame].stack[byte / 8];
  if (aligned) {
    slot.bytes.fill(Byte::kSpill);
    slot.spilled = value;
  }
}

void Walk::atomic(State& state, const bpf_insn& insn, uint32_t size) {
  const Reg base = read(state, insn.dst_reg);
  const Reg operand = read(state, insn.src_reg);
  if (base.kind == Kind::kContext) refuse("atomic operation on the context");
  if (operand.is_pointer())
    refuse("stores " + kind_name(operand) + " where other programs can read it");
  if (insn.imm == BPF_CMPXCHG && read(state, 0).is_pointer())
    refuse("compares a pointer with memory");
  check_region(base, insn.dst_reg, insn.off, size, true);
  if (base.range.is_constant() && (base.range.smin + insn.off) % size)
    refuse("atomic operation on a misaligned address");
  if (base.kind == Kind::kStack) {
    if (!base.range.is_constant()) refuse("atomic operation at a variable stack offset");
    int64_t low = base.range.smin + insn.off;
    read_stack_range(state, base.frame, low, low + size, true);
    write_stack_range(state, base.frame, low, low + size);
  }
  if (!(insn.imm & BPF_FETCH)) return;
  state.reg(insn.imm == BPF_CMPXCHG ? 0 : insn.src_reg) = Reg::scalar(loaded_range(size));
}

void Walk::check_memory(State& state, uint32_t index, int64_t size, bool write,
                        bool may_be_uninitialised) {
  if (size == 0) return;
  const Reg& reg = read(state, index);
  check_region(reg, index, 0, size, write);
  if (reg.kind != Kind::kStack) return;
  int64_t low = reg.range.smin, high = reg.range.smax + size;
  bool exact = reg.range.is_constant();
  if (!write || !may_be_uninitialised || !exact)
    read_stack_range(state, reg.frame, low, high, true);
  if (!write) return;
  StackMasks before = state.written;
  write_stack_range(state, reg.frame, low, high);
  if (!exact || !may_be_uninitialised) state.written = before;
}

}  // namespace bt::loader
