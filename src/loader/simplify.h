// SPDX-License-Identifier: MIT
// Takes out of a verified program what it will never do: branches that constants decide (`const volatile` settings), lookups
// of an array's element that is always the same, and what only served those. The number of instructions stays, so that
// places in messages and jumps stay right: what is taken out becomes a jump to the next instruction.
//
// The verifier's word is believed: only call this with the verdict of exactly these instructions. A result is judged again
// by nobody; verifier_fuzz_test.cc runs random programs before and after.
#pragma once

#include <span>
#include <vector>

#include "loader/verifier.h"

namespace bt::loader {

std::vector<bpf_insn> simplify(std::span<const bpf_insn> insns, std::span<const VerifiedMap> maps,
                               const Verdict& verdict);

}  // namespace bt::loader
