// SPDX-License-Identifier: MIT
// For tests: eBPF instructions by name, as in the kernel's include/linux/filter.h.
#pragma once

#include <linux/bpf.h>

#include <cstdint>

namespace bt::hooks::insn {

inline bpf_insn raw(int code, int dst, int src, int off, int32_t imm) {
  bpf_insn insn{};
  insn.code = static_cast<uint8_t>(code);
  insn.dst_reg = static_cast<uint8_t>(dst & 15);
  insn.src_reg = static_cast<uint8_t>(src & 15);
  insn.off = static_cast<int16_t>(off);
  insn.imm = imm;
  return insn;
}
inline bpf_insn mov(int dst, int32_t imm) {
  return raw(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}
inline bpf_insn mov_reg(int dst, int src) {
  return raw(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}
inline bpf_insn mov32(int dst, int32_t imm) {
  return raw(BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, imm);
}
inline bpf_insn mov32_reg(int dst, int src) {
  return raw(BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
}
inline bpf_insn alu(int op, int dst, int32_t imm) {
  return raw(BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}
inline bpf_insn alu_reg(int op, int dst, int src) {
  return raw(BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}
inline bpf_insn alu32(int op, int dst, int32_t imm) {
  return raw(BPF_ALU | op | BPF_K, dst, 0, 0, imm);
}
inline bpf_insn alu32_reg(int op, int dst, int src) {
  return raw(BPF_ALU | op | BPF_X, dst, src, 0, 0);
}
inline bpf_insn load(int size, int dst, int src, int off) {
  return raw(BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}
inline bpf_insn store(int size, int dst, int off, int src) {
  return raw(BPF_STX | BPF_MEM | size, dst, src, off, 0);
}
inline bpf_insn store_imm(int size, int dst, int off, int32_t imm) {
  return raw(BPF_ST | BPF_MEM | size, dst, 0, off, imm);
}
inline bpf_insn atomic(int size, int op, int dst, int off, int src) {
  return raw(BPF_STX | BPF_ATOMIC | size, dst, src, off, op);
}
inline bpf_insn jump(int off) { return raw(BPF_JMP | BPF_JA, 0, 0, off, 0); }
inline bpf_insn jump_if(int op, int dst, int32_t imm, int off) {
  return raw(BPF_JMP | op | BPF_K, dst, 0, off, imm);
}
inline bpf_insn jump_if_reg(int op, int dst, int src, int off) {
  return raw(BPF_JMP | op | BPF_X, dst, src, off, 0);
}
inline bpf_insn jump32_if(int op, int dst, int32_t imm, int off) {
  return raw(BPF_JMP32 | op | BPF_K, dst, 0, off, imm);
}
inline bpf_insn jump32_if_reg(int op, int dst, int src, int off) {
  return raw(BPF_JMP32 | op | BPF_X, dst, src, off, 0);
}
inline bpf_insn call(int helper) { return raw(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
inline bpf_insn call_function(int distance) {
  return raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, distance);
}
inline bpf_insn exit() { return raw(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }  // NOLINT: not libc's
// Two instructions each: the second half follows with half().
inline bpf_insn load64(int dst, uint64_t value) {
  return raw(BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, static_cast<int32_t>(value));
}
inline bpf_insn half(uint64_t value) { return raw(0, 0, 0, 0, static_cast<int32_t>(value >> 32)); }
inline bpf_insn load_map(int dst, int map) {
  return raw(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, map);
}
inline bpf_insn load_map_value(int dst, int map) {
  return raw(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_VALUE, 0, map);
}
inline bpf_insn value_offset(int32_t offset) { return raw(0, 0, 0, 0, offset); }

}  // namespace bt::hooks::insn
