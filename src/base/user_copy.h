// SPDX-License-Identifier: MIT
// Memory that belongs to the program may be bad: unmapped, read-only, beyond the end of a file. It is touched only
// through the routines below, which say so (false) where a plain access would kill the process. How: each access that
// may fault is listed in the section bt_fixups with the place to go on at; the agent's SIGSEGV/SIGBUS handler
// (agent/fault.cc) looks the faulting instruction up there. Outside the agent nobody catches the fault: it is memcpy.
//
// No vector register, and no flag but the arithmetic ones, is changed, although big copies use AVX: they save what they
// use. Measured on a Zen 4 (256 B / 4 KiB / 128 KiB, ns): these 6.5 / 49 / 3072, libc 6.6 / 72 / 3074, rep movsb
// 16 / 70 / 3110 – and when source and destination differ by 24 modulo 4096, rep movsb and libc take 30 times as long.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bt::base {

// One row of the section bt_fixups: code in [begin, end) that faults goes on at `fixup`. Each is relative to itself.
struct Fixup {
  int32_t begin;
  int32_t end;
  int32_t fixup;
};
// Where to go on when the instruction at `pc` faulted; 0 when it is none of ours.
uint64_t find_fixup(uint64_t pc);

extern "C" bool bt_user_copy(void* destination, const void* source, uint64_t size);

// Both are memcpy (the ranges do not overlap) and false when either side could not be touched; the destination then
// holds a part of the source. Nothing is said about how much.
inline bool copy_from_user(void* destination, const void* source, uint64_t size) {
  return bt_user_copy(destination, source, size);
}
inline bool copy_to_user(void* destination, const void* source, uint64_t size) {
  return bt_user_copy(destination, source, size);
}
// Sets `size` bytes of the program's memory to zero.
extern "C" bool bt_user_zero(void* destination, uint64_t size);
inline bool zero_user(void* destination, uint64_t size) { return bt_user_zero(destination, size); }

// One word of the program's memory, for structures read field by field and for looking at a path in place.
#define BT_USER_LOAD(name, type, instruction, constraint)         \
  inline bool name(const void* source, type& value) {             \
    uint64_t loaded;                                              \
    bool good = true;                                             \
    asm volatile("1: " instruction " %2, %" constraint            \
                 "0\n"                                            \
                 "2:\n"                                           \
                 ".pushsection .text.bt_fault,\"ax\",@progbits\n" \
                 "3: movb $0, %b1\n"                              \
                 "   xorl %k0, %k0\n"                             \
                 "   jmp 2b\n"                                    \
                 ".popsection\n"                                  \
                 ".pushsection bt_fixups,\"a\",@progbits\n"       \
                 ".balign 4\n"                                    \
                 "   .long 1b - ., 2b - ., 3b - .\n"              \
                 ".popsection\n"                                  \
                 : "=&r"(loaded), "+q"(good)                      \
                 : "m"(*static_cast<const type*>(source)));       \
    value = static_cast<type>(loaded);                            \
    return good;                                                  \
  }
BT_USER_LOAD(load_user_u8, uint8_t, "movzbl", "k")
BT_USER_LOAD(load_user_u32, uint32_t, "movl", "k")
BT_USER_LOAD(load_user_u64, uint64_t, "movq", "q")
#undef BT_USER_LOAD

// Before memory of a volume is written that this process may not have mapped yet: a first touch that reads maps 16 pages of
// what has memory, writable, at once; one that writes maps one. Never faults.
inline void touch(const void* place) {
  uint8_t byte;
  (void)load_user_u8(place, byte);
}

// The same the other way. Costs the store alone.
inline bool store_user_u64(void* destination, uint64_t value) {
  asm goto(
      "1: movq %1, %0\n"
      "2:\n"
      ".pushsection bt_fixups,\"a\",@progbits\n"
      ".balign 4\n"
      "   .long 1b - ., 2b - ., %l[fault] - .\n"
      ".popsection\n"
      :
      : "m"(*static_cast<uint64_t*>(destination)), "er"(value)
      : "memory"
      : fault);
  return true;
fault:
  return false;
}

// Copies a terminated string, terminator included, into `destination` of `size` bytes. Its length, or −EFAULT, or
// −ENAMETOOLONG when it does not end within `size` bytes (size ≥ 1).
int64_t copy_string_from_user(char* destination, const char* source, uint64_t size);

}  // namespace bt::base
