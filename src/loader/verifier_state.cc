// SPDX-License-Identifier: MIT
#include "loader/verifier_state.h"

namespace bt::loader {
namespace {

// Ids are names: two states are alike if one can be renamed into the other.
class Renaming {
 public:
  bool same(uint32_t before, uint32_t now) {
    for (auto [a, b] : pairs_)
      if (a == before || b == now) return a == before && b == now;
    pairs_.push_back({before, now});
    return true;
  }

 private:
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
};

bool scalar_included(const Reg& before, const Reg& now, Renaming& scalars) {
  if (!now.is_scalar() || !before.range.includes(now.range)) return false;
  // Two numbers known to be equal before must be so now, else what one's check said of the other is lost.
  return before.id == 0 || (now.id != 0 && scalars.same(before.id, now.id));
}

bool reg_included(const Reg& before, const Reg& now, Renaming& scalars, Renaming& pointers) {
  if (before.kind == Kind::kUninitialised) return true;
  if (before.is_scalar()) return scalar_included(before, now, scalars);
  if (before.kind != now.kind || before.frame != now.frame || before.map != now.map ||
      before.size != now.size)
    return false;
  if ((before.id == 0) != (now.id == 0) || (before.id && !pointers.same(before.id, now.id)))
    return false;
  return before.range.includes(now.range);
}

bool is_data(const Slot& slot, int byte) {
  if (slot.bytes[byte] == Byte::kSpill) return slot.spilled.is_scalar();
  return slot.bytes[byte] != Byte::kInvalid;
}

bool slot_included(const Slot& before, const Slot& now, Renaming& scalars, Renaming& pointers) {
  if (before.is_spill())
    return now.is_spill() && reg_included(before.spilled, now.spilled, scalars, pointers);
  for (int i = 0; i < 8; i++) {
    if (before.bytes[i] == Byte::kData && !is_data(now, i)) return false;
  }
  return true;
}

constexpr uint16_t kCallerRegisters = 0x3c0;    // r6–r9
constexpr uint16_t kArgumentRegisters = 0x03e;  // r1–r5

uint16_t live_of_frame(const State& state, size_t frame, uint16_t live) {
  if (frame + 1 == state.frames.size()) return live;
  return state.frames[frame + 1].callback ? kCallerRegisters | kArgumentRegisters
                                          : kCallerRegisters;
}

bool same_shape(const State& before, const State& now) {
  if (before.frames.size() != now.frames.size() ||
      before.references.size() != now.references.size())
    return false;
  for (size_t i = 0; i < now.frames.size(); i++)
    if (before.frames[i].return_to != now.frames[i].return_to ||
        before.frames[i].callback != now.frames[i].callback ||
        before.frames[i].references.size() != now.frames[i].references.size())
      return false;
  return true;
}

}  // namespace

bool included(const State& before, const State& now, uint16_t live, const StackMasks& stack_live) {
  if (!same_shape(before, now)) return false;
  Renaming scalars, pointers;
  for (size_t i = 0; i < now.references.size(); i++)
    if (!pointers.same(before.references[i], now.references[i])) return false;
  for (size_t f = 0; f < now.frames.size(); f++) {
    for (size_t i = 0; i < now.frames[f].references.size(); i++)
      if (!pointers.same(before.frames[f].references[i], now.frames[f].references[i])) return false;
    uint16_t regs = live_of_frame(now, f, live);
    for (int r = 0; r < 10; r++)
      if ((regs >> r & 1) &&
          !reg_included(before.frames[f].regs[r], now.frames[f].regs[r], scalars, pointers))
        return false;
    for (uint32_t s = 0; s < kSlots; s++)
      if ((stack_live[f] >> s & 1) &&
          !slot_included(before.frames[f].stack[s], now.frames[f].stack[s], scalars, pointers))
        return false;
  }
  return true;
}

bool identical(const State& before, const State& now, uint16_t live) {
  if (!same_shape(before, now) || before.references != now.references) return false;
  for (size_t f = 0; f < now.frames.size(); f++) {
    uint16_t regs = live_of_frame(now, f, live);
    for (int r = 0; r < 10; r++)
      if ((regs >> r & 1) && before.frames[f].regs[r] != now.frames[f].regs[r]) return false;
    if (before.frames[f].stack != now.frames[f].stack ||
        before.frames[f].references != now.frames[f].references)
      return false;
  }
  return true;
}

}  // namespace bt::loader
