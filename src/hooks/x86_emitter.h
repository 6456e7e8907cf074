// SPDX-License-Identifier: MIT
// The x86-64 encodings that the JIT uses. An emitter without a buffer only counts, so that the same code sizes and writes.
#pragma once

#include <cstdint>

namespace bt::hooks {

enum Register : uint8_t {
  kRax,
  kRcx,
  kRdx,
  kRbx,
  kRsp,
  kRbp,
  kRsi,
  kRdi,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15
};

// Condition codes of jcc.
enum Condition : uint8_t {
  kBelow = 2,
  kAboveEqual = 3,
  kEqual = 4,
  kNotEqual = 5,
  kBelowEqual = 6,
  kAbove = 7,
  kLess = 12,
  kGreaterEqual = 13,
  kLessEqual = 14,
  kGreater = 15
};

// The /r opcodes of two-operand arithmetic (op r/m, r) and the digit of the immediate form.
enum Arithmetic : uint8_t { kAdd = 0, kOr = 1, kAnd = 4, kSub = 5, kXor = 6, kCmp = 7 };
enum Shift : uint8_t { kShl = 4, kShr = 5, kSar = 7 };

class Emitter {
 public:
  explicit Emitter(unsigned char* buffer) : buffer_(buffer) {}

  uint32_t size() const { return size_; }

  void byte(uint32_t value) {
    if (buffer_) buffer_[size_] = static_cast<unsigned char>(value);
    size_++;
  }
  void word(uint32_t value) {
    for (int i = 0; i < 4; i++) byte(value >> (8 * i));
  }

  void align(uint32_t bytes) {
    while (size_ % bytes) byte(0xcc);
  }

  void move(Register to, Register from, bool wide = true) {
    rex_rr(wide, from, to), byte(0x89), modrm_rr(from, to);
  }
  void move_immediate(Register to, uint64_t value) {
    if (value == static_cast<uint32_t>(value)) {
      rex_rr(false, kRax, to);
      byte(0xb8 + (to & 7)), word(static_cast<uint32_t>(value));
    } else {
      rex_rr(true, kRax, to);
      byte(0xb8 + (to & 7)), word(static_cast<uint32_t>(value)),
          word(static_cast<uint32_t>(value >> 32));
    }
  }
  // Always ten bytes.
  void move_address(Register to, uint64_t value) {
    rex_rr(true, kRax, to);
    byte(0xb8 + (to & 7)), word(static_cast<uint32_t>(value)),
        word(static_cast<uint32_t>(value >> 32));
  }
  void arithmetic(Arithmetic operation, Register to, Register from, bool wide) {
    rex_rr(wide, from, to), byte(operation * 8 + 1), modrm_rr(from, to);
  }
  void arithmetic_immediate(Arithmetic operation, Register to, int32_t value, bool wide) {
    bool is_short = value == static_cast<int8_t>(value);
    rex_rr(wide, kRax, to), byte(is_short ? 0x83 : 0x81), byte(0xc0 | operation << 3 | (to & 7));
    if (is_short)
      byte(static_cast<uint32_t>(value));
    else
      word(static_cast<uint32_t>(value));
  }
  void test(Register a, Register b, bool wide) { rex_rr(wide, b, a), byte(0x85), modrm_rr(b, a); }
  void test_immediate(Register a, int32_t value, bool wide) {
    rex_rr(wide, kRax, a), byte(0xf7), byte(0xc0 | (a & 7)), word(static_cast<uint32_t>(value));
  }
  void multiply(Register to, Register from, bool wide) {
    rex_rr(wide, to, from), byte(0x0f), byte(0xaf), modrm_rr(to, from);
  }
  void multiply_immediate(Register to, Register from, int32_t value, bool wide) {
    rex_rr(wide, to, from), byte(0x69), modrm_rr(to, from), word(static_cast<uint32_t>(value));
  }
  void negate(Register to, bool wide) { rex_rr(wide, kRax, to), byte(0xf7), byte(0xd8 | (to & 7)); }
  void divide(Register by, bool wide) { rex_rr(wide, kRax, by), byte(0xf7), byte(0xf0 | (by & 7)); }
  void shift_immediate(Shift operation, Register to, uint8_t count, bool wide) {
    rex_rr(wide, kRax, to), byte(0xc1), byte(0xc0 | operation << 3 | (to & 7)), byte(count);
  }
  void shift_by_cl(Shift operation, Register to, bool wide) {
    rex_rr(wide, kRax, to), byte(0xd3), byte(0xc0 | operation << 3 | (to & 7));
  }
  void swap(Register to, bool wide) { rex_rr(wide, kRax, to), byte(0x0f), byte(0xc8 | (to & 7)); }
  void rotate16_by_8(Register to) {  // rol r16, 8
    byte(0x66), rex_rr(false, kRax, to), byte(0xc1), byte(0xc0 | (to & 7)), byte(8);
  }
  void zero_extend16(Register to) {
    rex_rr(false, to, to), byte(0x0f), byte(0xb7), modrm_rr(to, to);
  }

  // Zero-extending loads and stores of 1, 2, 4 or 8 bytes at [base + offset].
  void load(Register to, Register base, int32_t offset, uint32_t size) {
    rex_rr(size == 8, to, base);
    if (size == 1) byte(0x0f), byte(0xb6);
    if (size == 2) byte(0x0f), byte(0xb7);
    if (size >= 4) byte(0x8b);
    modrm_memory(to, base, offset);
  }
  void store(Register base, int32_t offset, Register from, uint32_t size) {
    if (size == 2) byte(0x66);
    rex_rr(size == 8, from, base);
    byte(size == 1 ? 0x88 : 0x89);
    modrm_memory(from, base, offset);
  }
  void store_immediate(Register base, int32_t offset, int32_t value, uint32_t size) {
    if (size == 2) byte(0x66);
    rex_rr(size == 8, kRax, base);
    byte(size == 1 ? 0xc6 : 0xc7);
    modrm_memory(kRax, base, offset);
    for (uint32_t i = 0; i < (size == 8 ? 4 : size); i++)
      byte(static_cast<uint32_t>(value) >> (8 * i));
  }
  void compare_memory(Register with, Register base, int32_t offset) {  // cmp with, [base + offset]
    rex_rr(true, with, base), byte(0x3b), modrm_memory(with, base, offset);
  }
  void load_address(Register to, Register base, int32_t offset) {
    rex_rr(true, to, base), byte(0x8d), modrm_memory(to, base, offset);
  }

  // lea to, [rip + displacement]: seven bytes.
  void load_code_address(Register to, int32_t displacement) {
    rex_rr(true, to, kRax), byte(0x8d), byte((to & 7) << 3 | 5),
        word(static_cast<uint32_t>(displacement));
  }

  // lock op [base + offset], from — with add, or, and, xor.
  void lock_arithmetic(Arithmetic operation, Register base, int32_t offset, Register from,
                       bool wide) {
    byte(0xf0), rex_rr(wide, from, base), byte(operation * 8 + 1), modrm_memory(from, base, offset);
  }
  void lock_exchange_add(Register base, int32_t offset, Register from, bool wide) {
    byte(0xf0), rex_rr(wide, from, base), byte(0x0f), byte(0xc1), modrm_memory(from, base, offset);
  }
  void exchange(Register base, int32_t offset, Register from, bool wide) {
    rex_rr(wide, from, base), byte(0x87), modrm_memory(from, base, offset);
  }
  void lock_compare_exchange(Register base, int32_t offset, Register from, bool wide) {
    byte(0xf0), rex_rr(wide, from, base), byte(0x0f), byte(0xb1), modrm_memory(from, base, offset);
  }

  void push(Register from) { rex_rr(false, kRax, from), byte(0x50 + (from & 7)); }
  void pop(Register to) { rex_rr(false, kRax, to), byte(0x58 + (to & 7)); }
  void call_register(Register to) { rex_rr(false, kRax, to), byte(0xff), byte(0xd0 | (to & 7)); }
  void jump_register(Register to) { rex_rr(false, kRax, to), byte(0xff), byte(0xe0 | (to & 7)); }
  void ret() { byte(0xc3); }
  // Displacements count from the end of the instruction.
  void jump(int32_t displacement) { byte(0xe9), word(static_cast<uint32_t>(displacement)); }
  void call(int32_t displacement) { byte(0xe8), word(static_cast<uint32_t>(displacement)); }
  void jump_if(Condition condition, int32_t displacement) {
    byte(0x0f), byte(0x80 | condition), word(static_cast<uint32_t>(displacement));
  }
  // Forward jumps inside one instruction's code: emit, then patch at the target.
  uint32_t short_jump_if(Condition condition) { return byte(0x70 | condition), byte(0), size_; }
  uint32_t short_jump() { return byte(0xeb), byte(0), size_; }
  void land(uint32_t from) {
    if (buffer_) buffer_[from - 1] = static_cast<unsigned char>(size_ - from);
  }
  void short_jump_back_if(Condition condition, uint32_t to) {
    byte(0x70 | condition),
        byte(static_cast<uint32_t>(static_cast<int32_t>(to) - static_cast<int32_t>(size_) - 1));
  }

 private:
  // A REX prefix is always written: byte registers need one, and sizes stay the same in both passes.
  void rex_rr(bool wide, uint8_t reg, uint8_t rm) {
    byte(0x40 | wide << 3 | (reg >> 3) << 2 | rm >> 3);
  }
  void modrm_rr(uint8_t reg, uint8_t rm) { byte(0xc0 | (reg & 7) << 3 | (rm & 7)); }
  void modrm_memory(uint8_t reg, uint8_t base, int32_t offset) {
    bool is_short = offset == static_cast<int8_t>(offset);
    byte((is_short ? 0x40 : 0x80) | (reg & 7) << 3 | (base & 7));
    if ((base & 7) == kRsp) byte(0x24);
    if (is_short)
      byte(static_cast<uint32_t>(offset));
    else
      word(static_cast<uint32_t>(offset));
  }

  unsigned char* buffer_;
  uint32_t size_ = 0;
};

}  // namespace bt::hooks
