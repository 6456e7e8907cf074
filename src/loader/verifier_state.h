// SPDX-License-Identifier: MIT
// What the verifier knows at one point of one path.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <utility>
#include <vector>

#include "hooks/thread.h"
#include "loader/scalar_range.h"

namespace bt::loader {

enum class Kind : uint8_t {
  kUninitialised,
  kScalar,
  kContext,
  kStack,  // of frame `frame`; offset from its top, negative
  kMap,
  kMapValue,
  kNullableValue,  // a lookup's answer before its check
  kRecord,         // of a ring buffer
  kNullableRecord,
  kMapKey,    // what bpf_for_each_map_elem gives its function
  kFunction,  // for a helper to call; its first instruction is `size`
};

struct Reg {
  Kind kind = Kind::kUninitialised;
  uint8_t frame = 0;
  uint16_t map = 0;
  uint32_t size = 0;  // of a record
  // Scalars with the same id hold the same number (0 = none). Nullable pointers with the same id are null together.
  // Records: their reference.
  uint32_t id = 0;
  ScalarRange range;  // the number, or a pointer's offset

  static Reg scalar(const ScalarRange& range) {
    Reg reg;
    reg.kind = Kind::kScalar;
    reg.range = range;
    return reg;
  }
  static Reg unknown() { return scalar({}); }
  static Reg pointer(Kind kind, uint32_t id = 0) {
    Reg reg;
    reg.kind = kind;
    reg.id = id;
    reg.range = ScalarRange::constant(0);
    return reg;
  }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_pointer() const { return kind > Kind::kScalar; }
  bool is_nullable() const { return kind == Kind::kNullableValue || kind == Kind::kNullableRecord; }
  bool operator==(const Reg&) const = default;
};

enum class Byte : uint8_t { kInvalid, kData, kSpill };

struct Slot {
  std::array<Byte, 8> bytes{};
  Reg spilled;  // where all bytes are kSpill

  bool is_spill() const { return bytes[0] == Byte::kSpill; }
  bool operator==(const Slot&) const = default;
};

inline constexpr uint32_t kSlots = hooks::kFrameSize / 8;

struct Frame {
  std::array<Reg, 11> regs;
  std::array<Slot, kSlots> stack;  // slot 0 is the lowest address
  uint32_t return_to = 0;
  uint32_t function = 0;  // its first instruction
  // A helper calls it, and `return_to` is the helper's call: the caller keeps r1–r5 for the next round.
  bool callback = false;
  std::vector<uint32_t> references;  // of a callback: State::references when it was entered

  bool operator==(const Frame&) const = default;
};

using StackMasks = std::array<uint64_t, hooks::kFramesMax>;
static_assert(kSlots == 64);
inline constexpr StackMasks kWholeStack = [] {
  StackMasks masks{};
  masks.fill(~uint64_t{0});
  return masks;
}();

struct State {
  std::vector<Frame> frames;
  std::vector<uint32_t> references;  // ids of records not yet released
  int32_t parent = -1;               // the last remembered state on this path
  StackMasks written{};              // slots wholly written since then
  bool again = false;                // at a helper's call, for a further round of its function

  Frame& top() { return frames.back(); }
  const Frame& top() const { return frames.back(); }
  Reg& reg(uint32_t index) { return top().regs[index]; }
  const Reg& reg(uint32_t index) const { return top().regs[index]; }
};

// Whether everything that is possible in `now` was possible in `before`, looking only at registers of `live` (top frame;
// of outer frames r6–r9) and at stack slots of `stack_live`.
bool included(const State& before, const State& now, uint16_t live, const StackMasks& stack_live);
// The same numbers and pointers exactly, over the same registers and the whole stack.
bool identical(const State& before, const State& now, uint16_t live);

}  // namespace bt::loader
