// SPDX-License-Identifier: MIT
// What one process holds of the loaded objects, and how it follows the registry.
//
// A State is an immutable dispatch table for one value of the registry's word. A thread that finds the word changed builds
// the next State (refresh) and publishes it; images both have in common are shared. A State that was replaced is freed
// when no thread runs programs of it: threads say so in Thread::running with plain stores, and the one that frees issues
// membarrier(2) before it looks, so that the fast path has no fence. Where membarrier is refused nothing is freed.
#pragma once

#include "hooks/hooks.h"
#include "hooks/image_format.h"
#include "hooks/maps.h"
#include "hooks/thread.h"

namespace bt::hooks {

using JitEntry = uint64_t (*)(void* context, Thread* thread);

struct LoadedProgram {
  const LoadedImage* image;
  const bpf_insn* insns;
  uint32_t insn_count;
  AttachKind attach_kind;
  int32_t attach_number;
  uint32_t context_words;
  JitEntry jit;           // null = interpret
  const void* jit_inner;  // where a tail call enters
  const void* quick;      // quick_call.h enters here; null = it does not
};

// Private memory of this process, one anonymous mapping: this struct, programs, map views, instructions.
struct LoadedImage {
  uint64_t id = 0;
  uint64_t block_size = 0;
  uint32_t references = 0;  // States that use it. guarded by the refresh lock
  uint32_t program_count = 0;
  uint32_t map_count = 0;
  uint32_t insn_count = 0;
  LoadedProgram* programs = nullptr;
  MapView* maps = nullptr;
  bpf_insn* insns = nullptr;  // map references resolved to addresses
  unsigned char* maps_file = nullptr;
  uint64_t maps_file_size = 0;
  void* code = nullptr;
  uint64_t code_size = 0;
  const MapView* log = nullptr;
  bool needs_slot = false;
  bool interpret = false;
};

inline constexpr uint32_t kSyscallsMax = kCallsMax;

// What operation a call is, and in which arguments its paths and their (directory) descriptors stand.
struct OpCall {
  uint16_t op = 0xffff;  // ops.def, in its order; 0xffff = none
  int8_t path_argument[2] = {-1, -1};
  int8_t fd_argument[2] = {-1, -1};
};

// A run of State::programs.
struct ProgramList {
  uint32_t start = 0;
  uint32_t count = 0;
};
struct alignas(64) CallRow {
  ProgramList lists[static_cast<uint32_t>(AttachKind::kAttachKindCount)];
  const void* quick =
      nullptr;  // LoadedProgram::quick where nothing else is to be done for this call
  OpCall op;
  uint32_t context_words = 0;     // what programs of operations read of this call's context
  bool has_op = false;            // decide or enter programs
  bool wants_exit = false;        // exit programs, or the next
  bool changes_identity = false;  // identities are asked anew after it
};

struct State {
  uint64_t word = 0;
  uint64_t block_size = 0;
  State* next_retired = nullptr;
  uint32_t image_count = 0;
  uint32_t slot_max = ~0u;  // quick calls want Thread::slot up to it
  bool needs_slot = false;
  LoadedImage* images[kRegistryEntriesMax] = {};
  CallRow rows[kSyscallsMax];
  const LoadedProgram** programs = nullptr;
};

// image_loader.cc. `directory` is an open descriptor of the run directory's `hooks`.
LoadedImage* load_image(int64_t directory, uint64_t id);
// The same from memory that is mapped already: for tests and benchmarks. `maps_file` stays the caller's.
LoadedImage* load_image_from(const void* file, uint64_t size, unsigned char* maps_file);
void free_image(LoadedImage* image);

OpCall op_call(int64_t nr);
uint32_t op_of_call(int64_t nr);

// Runs one program on its context; r0.
uint64_t run_program(const LoadedProgram& program, void* context, Thread& thread);

}  // namespace bt::hooks
