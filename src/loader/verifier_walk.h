// SPDX-License-Identifier: MIT
// The walk itself, spread over verifier.cc (paths, branches), verifier_memory.cc (loads, stores, the stack) and
// verifier_calls.cc (helpers, functions). Private to them.
#pragma once

#include <memory>

#include "hooks/helpers.h"
#include "loader/control_flow.h"
#include "loader/verifier.h"
#include "loader/verifier_state.h"

namespace bt::loader {

struct Refusal {
  std::string reason;
};

class Walk {
 public:
  explicit Walk(const VerifierInput& input) : input_(input), insns_(input.insns) {}

  Verdict run();

 private:
  // A state that was passed at a join; `branches` paths from it are still to be walked.
  struct Remembered {
    State state;
    int32_t parent;
    uint32_t branches;
    StackMasks live{};     // slots read on some path from here
    StackMasks written{};  // slots written between parent and here
  };
  struct Pending {
    State state;
    uint32_t pc;
  };
  // Names memory in messages and says what may be done there.
  struct Region {
    int64_t size = 0;
    bool writable = false;
    const char* name = "";
  };

  // verifier.cc
  void walk_path(State state, uint32_t pc);
  bool is_known(State& state, uint32_t pc);
  void remember(State& state, uint32_t pc);
  void path_ended(int32_t parent);
  uint32_t step(State& state, uint32_t pc, bool& ended);
  void alu(State& state, const bpf_insn& insn);
  void alu_scalar(State& state, const bpf_insn& insn, const Reg& operand);
  void pointer_arithmetic(State& state, const bpf_insn& insn, const Reg& operand);
  void move(State& state, const bpf_insn& insn);
  void load_wide(State& state, uint32_t pc);
  uint32_t branch(State& state, uint32_t pc, bool& ended);
  uint32_t branch_on_null(State& state, uint32_t pc);
  uint32_t exit(State& state, bool& ended);
  void push_branch(const State& state, uint32_t pc);
  void mark_null(State& state, uint32_t id, bool is_null);
  void spread(State& state, uint32_t id, const ScalarRange& range);
  template <typename Visit>
  void each_reg(State& state, Visit visit);

  // verifier_memory.cc
  void memory(State& state, const bpf_insn& insn);
  void check_region(const Reg& reg, uint32_t index, int64_t offset, int64_t size, bool write);
  Region region_of(const Reg& reg, uint32_t index) const;
  void check_context(const Reg& reg, int64_t offset, int64_t size, bool write);
  Reg load_stack(State& state, const Reg& base, int64_t offset, uint32_t size);
  void store_stack(State& state, const Reg& base, int64_t offset, uint32_t size, const Reg& value);
  void atomic(State& state, const bpf_insn& insn, uint32_t size);
  Reg load_constant(const Reg& base, int64_t offset, uint32_t size) const;
  void read_stack_range(State& state, uint32_t frame, int64_t low, int64_t high, bool data_only);
  void write_stack_range(State& state, uint32_t frame, int64_t low, int64_t high);
  void mark_read(State& state, uint32_t frame, uint32_t slot);
  // `size` bytes behind reg + offset are readable, or writable and then hold data.
  void check_memory(State& state, uint32_t index, int64_t size, bool write,
                    bool may_be_uninitialised);

  // verifier_calls.cc
  uint32_t call_helper(State& state, const bpf_insn& insn, uint32_t pc);
  uint32_t begin_round(State& state, const hooks::HelperRow& row, uint32_t pc);
  uint32_t end_round(State& state);
  void widen(State& state, uint32_t pc) const;
  void mark_whole_stack_read(State& state);
  void check_argument(State& state, const hooks::HelperRow& row, int number, const bpf_insn& insn);
  void check_size(State& state, const hooks::HelperRow& row, int number);
  void check_string(const Reg& reg, uint32_t index);
  void check_map_for(const hooks::HelperRow& row, const VerifiedMap& map) const;
  void set_result(State& state, const hooks::HelperRow& row, uint32_t record_size);
  void note_map_of_call(uint32_t pc, uint32_t map);
  uint32_t call_function(State& state, uint32_t pc);

  const Reg& read(const State& state, uint32_t index) const;
  [[noreturn]] static void refuse(const std::string& reason) { throw Refusal{reason}; }
  static std::string reg_name(uint32_t index) { return "r" + std::to_string(index); }

  const VerifierInput& input_;
  std::span<const bpf_insn> insns_;
  ControlFlow flow_;
  Verdict verdict_;
  std::vector<Remembered> remembered_;
  std::vector<std::vector<int32_t>> at_;  // by pc: indexes into remembered_
  std::vector<Pending> pending_;
  uint32_t pc_ = 0;
  uint32_t next_id_ = 1;
  uint32_t jumps_since_ = 0, insns_since_ = 0;  // since a state was last remembered
};

template <typename Visit>
void Walk::each_reg(State& state, Visit visit) {
  for (Frame& frame : state.frames) {
    for (Reg& reg : frame.regs) visit(reg);
    for (Slot& slot : frame.stack)
      if (slot.is_spill()) visit(slot.spilled);
  }
}

std::string kind_name(const Reg& reg);

}  // namespace bt::loader
