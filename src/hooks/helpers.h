// SPDX-License-Identifier: MIT
// The helper table: ids, functions, and the argument kinds that the verifier enforces before a helper may trust what it is
// given. helpers.def is the list.
#pragma once

#include <cstdint>

#include "hooks/runtime.h"

namespace bt::hooks {

enum class Argument : uint8_t {
  kNone,
  kAny,          // an initialised scalar
  kAnyOrNone,    // the same, or uninitialised: trace_printk takes as many as its format names
  kContext,      // r1 of the program, unchanged
  kCallContext,  // the same, in a btfuse/… program
  kMap,
  kKey,        // key_size readable bytes of the map in argument 1
  kValue,      // value_size readable bytes of the map in argument 1
  kValueOut,   // value_size writable bytes of it
  kMemory,     // readable; the next argument is its size
  kMemoryOut,  // writable, may be uninitialised; the next argument is its size
  kSize,       // 1 or more
  kSizeOrZero,
  kConstantSize,     // a known number
  kString,           // readable up to a terminator the verifier can see: .rodata
  kCallback,         // a function of the program
  kCallbackContext,  // into the stack, or null: the function is given it
  kRecord,           // from ringbuf_reserve; the call releases it
};
enum class Returns : uint8_t { kScalar, kVoid, kValueOrNull, kRecordOrNull, kTailCall };

using HelperFunction = uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, Thread*);

struct HelperRow {
  uint32_t id;
  char name[28];
  Returns returns;
  Argument arguments[5];
};

// Helpers that call a function of the program (callback.h).
inline bool takes_callback(const HelperRow& row) { return row.arguments[1] == Argument::kCallback; }

inline constexpr uint32_t kTailCallHelper = 12;
inline constexpr uint32_t kTailCallsMax = 33;  // the kernel's bound

// Null where there is no such helper.
const HelperRow* helper_row(uint32_t id);
HelperFunction helper_function(uint32_t id);
// map_lookup_elem for this map: what depends on its type and key is decided once.
HelperFunction lookup_function(const MapView& map);

// The program at `index` of a program array, counted against kTailCallsMax; null where there is none or too many.
const LoadedProgram* find_tail_call(const MapView& map, uint32_t index, Thread& thread);

}  // namespace bt::hooks
