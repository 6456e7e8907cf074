// SPDX-License-Identifier: MIT
// What can be said of a program's shape before any path is walked: every instruction is one we know, jumps stay inside
// their function, functions end properly; where paths meet; and which registers are still read behind each instruction.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bt::loader {

struct ControlFlow {
  bool sound = false;
  uint32_t insn = 0;  // where it is not
  std::string reason;
  std::vector<bool> joins;  // a path may come here from elsewhere: states are remembered here
  std::vector<uint32_t> function;  // first instruction of the function that holds each one
  std::vector<uint16_t> live_in;   // bit r: register r may be read from here on
};

ControlFlow analyse(std::span<const bpf_insn> insns);

inline bool is_wide(const bpf_insn& insn) { return insn.code == (BPF_LD | BPF_IMM | BPF_DW); }
inline bool is_helper_call(const bpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == 0;
}
inline bool is_function_call(const bpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
}
// Calls of helpers that call a function of the program.
bool calls_back(const bpf_insn& insn);
// ld_imm64 of a function's address, for such a helper.
inline bool is_function_address(const bpf_insn& insn) {
  return is_wide(insn) && insn.src_reg == BPF_PSEUDO_FUNC;
}
inline bool is_exit(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_EXIT); }
inline bool is_jump_class(const bpf_insn& insn) {
  return BPF_CLASS(insn.code) == BPF_JMP || BPF_CLASS(insn.code) == BPF_JMP32;
}
inline bool is_jump(const bpf_insn& insn) {
  return is_jump_class(insn) && insn.code != (BPF_JMP | BPF_CALL) && !is_exit(insn);
}

}  // namespace bt::loader
