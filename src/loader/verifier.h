// SPDX-License-Identifier: MIT
// The verifier: refuses every program of which it cannot prove that it ends, that it touches only memory it may, and that
// it gives back what it took. Path sensitive in the kernel's manner: it walks every path with what it knows of each
// register and stack byte, and drops a path where an earlier one that was found safe knew less. Nothing of the program is
// run, and nothing but the program is believed.
//
// docs/hooks.md lists the rules. It is stricter than a privileged kernel in two points: no pointer may be stored where
// another program could read it, and no uninitialised stack byte may be read.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hooks/context_format.h"

namespace bt::loader {

// What stands behind r1.
enum class ContextKind : uint8_t { kSysEnter, kSysExit, kDecide, kCall };

struct VerifiedMap {
  std::string name;
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t max_entries = 0;
  bool frozen = false;
  std::vector<uint8_t> constants;  // of a frozen array with one element: its value
};

// Instructions as in an image: map references by index into `maps` (image_format.h).
struct VerifierInput {
  std::span<const bpf_insn> insns;
  std::span<const VerifiedMap> maps;
  ContextKind context = ContextKind::kSysEnter;
};

struct Verdict {
  bool accepted = false;
  uint32_t insn = 0;   // where it was refused
  std::string reason;  // why, without the place
  uint32_t steps = 0;  // instructions walked
  // For each call of map_lookup_elem, 1 + the map that every path passes; 0 = several. Others 0.
  std::vector<uint16_t> map_of_call;
  std::vector<uint8_t> outcomes;  // of each conditional jump: which of kOutcome… some path takes
  uint32_t context_words = 0;     // bit i: some path reads of the 8 bytes at 8·i of the context
};

inline constexpr uint8_t kOutcomeFalls = 1, kOutcomeJumps = 2;

inline constexpr uint32_t kStepsMax = 200'000;
inline constexpr uint32_t kStatesMax = 12'000;

Verdict verify(const VerifierInput& input);

}  // namespace bt::loader
