// SPDX-License-Identifier: MIT
#include "hooks/jit_x86_64.h"

#include <asm/unistd.h>
#include <linux/mman.h>

#include "base/bytes.h"
#include "base/syscall.h"
#include "hooks/helpers.h"
#include "hooks/identity.h"
#include "hooks/instruction.h"
#include "hooks/jit_frame.h"
#include "hooks/x86_emitter.h"

namespace bt::hooks {
namespace {

using base::raw_syscall;

constexpr Register kRegisters[11] = {kRax, kRdi, kRsi, kRdx, kRcx, kR8,
                                     kRbx, kR13, kR14, kR15, kRbp};
constexpr Register kCalleeSaved[] = {kRbx, kR13, kR14, kR15};
constexpr int32_t kThreadSlot = 12;
// Offsets within an instruction's code fit a short jump (127 bytes) by construction.

bool is_wide(const bpf_insn& insn) { return insn.code == (BPF_LD | BPF_IMM | BPF_DW); }
bool is_call(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_CALL); }

// The map that the verifier found behind every call of this lookup; null where there are several.
const MapView* map_of_lookup(const LoadedProgram& program, const bpf_insn& insn) {
  bool known = insn.src_reg == 0 && insn.imm == BPF_FUNC_map_lookup_elem && insn.off > 0 &&
               static_cast<uint32_t>(insn.off) <= program.image->map_count;
  return known ? &program.image->maps[insn.off - 1] : nullptr;
}

// What code for this call needs of its frame.
void look_at_call(const LoadedProgram& program, const bpf_insn& insn, FrameNeeds& needs) {
  if (insn.src_reg == kElementAddress) {
    bool per_cpu = program.image->maps[insn.off - 1].layout.slot_stride != 0;
    needs.scratch |= per_cpu;
    needs.thread |= per_cpu;
    return;
  }
  const MapView* map = map_of_lookup(program, insn);
  bool inlined = map && is_array_type(map->type);
  needs.scratch = true;
  needs.thread |= !inlined || map->layout.slot_stride;
  needs.helpers |= !inlined;
}

// Of an instruction that is no jump.
bool reads_register(const bpf_insn& insn, uint8_t reg) {
  bool source = insn.src_reg == reg, target = insn.dst_reg == reg;
  switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
      return false;
    case BPF_LDX:
      return source;
    case BPF_ST:
      return target;
    case BPF_STX:
      return source || target;
    default:
      return (source && BPF_SRC(insn.code) == BPF_X) || (target && BPF_OP(insn.code) != BPF_MOV);
  }
}

// Whether r1 may be looked at as it was given, judged by what comes before the first branch.
bool uses_context(const LoadedProgram& program) {
  for (uint32_t pc = 0; pc < program.insn_count; pc++) {
    const bpf_insn& insn = program.insns[pc];
    uint8_t kind = BPF_CLASS(insn.code);
    if (is_call(insn)) {
      if (insn.src_reg == kElementAddress) continue;
      const HelperRow* row =
          insn.src_reg == 0 ? helper_row(static_cast<uint32_t>(insn.imm)) : nullptr;
      return !row || row->arguments[0] != Argument::kNone;
    }
    bool goes_on = kind == BPF_JMP && BPF_OP(insn.code) == BPF_JA && insn.off == 0;
    if (goes_on) continue;
    if (kind == BPF_JMP || kind == BPF_JMP32) return BPF_OP(insn.code) != BPF_EXIT;
    if (reads_register(insn, 1)) return true;
    if (insn.dst_reg == 1 && kind != BPF_ST && kind != BPF_STX) return false;
    if (is_wide(insn)) pc++;
  }
  return true;
}

FrameNeeds needs_of(const LoadedProgram& program, const bool* functions) {
  FrameNeeds needs;
  needs.context_words = program.context_words;
  needs.context = uses_context(program);
  for (uint32_t i = 0; i < program.image->map_count; i++)
    needs.uniform |= program.image->maps[i].type == BPF_MAP_TYPE_PROG_ARRAY;
  for (uint32_t pc = 0; pc < program.insn_count; pc++) {
    const bpf_insn& insn = program.insns[pc];
    needs.uniform |= functions[pc] && pc > 0;
    if (is_wide(insn)) pc++;
    needs.registers |= 1u << kRegisters[insn.dst_reg];
    if (is_call(insn)) {
      look_at_call(program, insn, needs);
      continue;
    }
    needs.registers |= 1u << kRegisters[insn.src_reg];
    // Divisions, shifts by a register and fetching atomics work in r10 and r11; what else is taken for one costs little.
    uint8_t kind = BPF_CLASS(insn.code);
    bool hard = BPF_SRC(insn.code) == BPF_X && BPF_OP(insn.code) != BPF_MOV;
    if (kind == BPF_ALU || kind == BPF_ALU64)
      needs.scratch |= hard || BPF_OP(insn.code) == BPF_DIV || BPF_OP(insn.code) == BPF_MOD;
    if (kind == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC)
      needs.scratch |= (insn.imm & BPF_FETCH) != 0;
  }
  if (needs.thread) needs.registers |= 1u << kR12;
  return needs;
}

// Where functions begin: the targets of calls.
void mark_functions(const LoadedProgram& program, bool* functions) {
  for (uint32_t pc = 0; pc < program.insn_count; pc++) {
    const bpf_insn& insn = program.insns[pc];
    uint32_t target = pc + 1 + static_cast<uint32_t>(insn.imm);
    bool names = (is_call(insn) && insn.src_reg == BPF_PSEUDO_CALL) ||
                 (is_wide(insn) && insn.src_reg == BPF_PSEUDO_FUNC);
    if (names && target < program.insn_count) functions[target] = true;
    if (is_wide(insn)) pc++;
  }
}

// One program's compilation; run twice, first to size.
class Compiler {
 public:
  Compiler(const LoadedProgram& program, Emitter& out, const JitFrame& frame, uint32_t* offsets,
           const bool* functions)
      : program_(program),
        out_(out),
        frame_(frame),
        offsets_(offsets),
        functions_(functions),
        begin_(out.size()) {}

  // Returns where a tail call enters, from the start of the arena.
  uint32_t compile() {
    uint32_t inner = frame_.enter(out_);
    for (uint32_t pc = 0; pc < program_.insn_count; pc++) {
      offsets_[pc] = out_.size();
      if (pc > 0 && functions_[pc]) {
        in_main_ = false;
        out_.arithmetic_immediate(kSub, kRsp, 8, true);  // helpers want the stack aligned
      }
      if (instruction(pc)) pc++, offsets_[pc] = out_.size();
    }
    return inner;
  }

 private:
  // True where the instruction has a second half.
  bool instruction(uint32_t pc) {
    const bpf_insn& insn = program_.insns[pc];
    switch (BPF_CLASS(insn.code)) {
      case BPF_ALU:
      case BPF_ALU64:
        alu(insn);
        return false;
      case BPF_LD: {
        if (insn.src_reg == BPF_PSEUDO_FUNC) {
          uint32_t target = offset_of(pc + 1 + static_cast<uint32_t>(insn.imm));
          out_.load_code_address(kRegisters[insn.dst_reg],
                                 static_cast<int32_t>(target - (out_.size() + 7)));
          return true;
        }
        uint64_t value = static_cast<uint32_t>(insn.imm) |
                         static_cast<uint64_t>(static_cast<uint32_t>((&insn)[1].imm)) << 32;
        out_.move_immediate(kRegisters[insn.dst_reg], value);
        return true;
      }
      case BPF_LDX:
        out_.load(kRegisters[insn.dst_reg], kRegisters[insn.src_reg], insn.off,
                  access_size(insn.code));
        return false;
      case BPF_ST:
        out_.store_immediate(kRegisters[insn.dst_reg], insn.off, insn.imm, access_size(insn.code));
        return false;
      case BPF_STX:
        if (BPF_MODE(insn.code) == BPF_ATOMIC)
          atomic(insn);
        else
          out_.store(kRegisters[insn.dst_reg], insn.off, kRegisters[insn.src_reg],
                     access_size(insn.code));
        return false;
      default:
        jump(insn, pc);
        return false;
    }
  }

  void alu(const bpf_insn& insn) {
    bool wide = BPF_CLASS(insn.code) == BPF_ALU64;
    bool by_register = BPF_SRC(insn.code) == BPF_X;
    Register to = kRegisters[insn.dst_reg], from = kRegisters[insn.src_reg];
    switch (BPF_OP(insn.code)) {
      case BPF_ADD:
        two_operands(kAdd, to, from, insn.imm, by_register, wide);
        break;
      case BPF_SUB:
        two_operands(kSub, to, from, insn.imm, by_register, wide);
        break;
      case BPF_OR:
        two_operands(kOr, to, from, insn.imm, by_register, wide);
        break;
      case BPF_AND:
        two_operands(kAnd, to, from, insn.imm, by_register, wide);
        break;
      case BPF_XOR:
        two_operands(kXor, to, from, insn.imm, by_register, wide);
        break;
      case BPF_MUL:
        if (by_register)
          out_.multiply(to, from, wide);
        else
          out_.multiply_immediate(to, to, insn.imm, wide);
        break;
      case BPF_MOV:
        move(to, from, insn.imm, by_register, wide);
        break;
      case BPF_NEG:
        out_.negate(to, wide);
        break;
      case BPF_LSH:
        shift(kShl, to, from, insn.imm, by_register, wide);
        break;
      case BPF_RSH:
        shift(kShr, to, from, insn.imm, by_register, wide);
        break;
      case BPF_ARSH:
        shift(kSar, to, from, insn.imm, by_register, wide);
        break;
      case BPF_DIV:
        divide(to, from, insn.imm, by_register, wide, false);
        break;
      case BPF_MOD:
        divide(to, from, insn.imm, by_register, wide, true);
        break;
      case BPF_END:
        swap_bytes(to, insn.imm, BPF_SRC(insn.code) == BPF_TO_BE);
        break;
      default:
        break;
    }
  }

  void two_operands(Arithmetic operation, Register to, Register from, int32_t value,
                    bool by_register, bool wide) {
    if (by_register)
      out_.arithmetic(operation, to, from, wide);
    else
      out_.arithmetic_immediate(operation, to, value, wide);
  }

  void move(Register to, Register from, int32_t value, bool by_register, bool wide) {
    if (by_register)
      out_.move(to, from, wide);
    else
      out_.move_immediate(
          to, wide ? static_cast<uint64_t>(int64_t{value}) : static_cast<uint32_t>(value));
  }

  void shift(Shift operation, Register to, Register from, int32_t value, bool by_register,
             bool wide) {
    if (!by_register) {
      out_.shift_immediate(operation, to, static_cast<uint8_t>(value), wide);
      if (!wide) out_.move(to, to, false);  // a count of 0 must clear the upper half too
      return;
    }
    out_.move(kR10, to, wide);
    out_.move(kR11, kRcx);
    out_.move(kRcx, from);
    out_.shift_by_cl(operation, kR10, wide);
    out_.move(kRcx, kR11);
    out_.move(to, kR10, wide);
  }

  // r11 is the divisor, r10 the dividend and then the result.
  void divide(Register to, Register from, int32_t value, bool by_register, bool wide,
              bool remainder) {
    if (by_register)
      out_.move(kR11, from, wide);
    else
      out_.move_immediate(
          kR11, wide ? static_cast<uint64_t>(int64_t{value}) : static_cast<uint32_t>(value));
    out_.move(kR10, to, wide);
    out_.test(kR11, kR11, wide);
    uint32_t zero = out_.short_jump_if(kEqual);
    out_.push(kRax);
    out_.push(kRdx);
    out_.move(kRax, kR10);
    out_.arithmetic(kXor, kRdx, kRdx, false);
    out_.divide(kR11, wide);
    out_.move(kR10, remainder ? kRdx : kRax);
    out_.pop(kRdx);
    out_.pop(kRax);
    uint32_t done = out_.short_jump();
    out_.land(zero);
    if (!remainder) out_.arithmetic(kXor, kR10, kR10, false);
    out_.land(done);
    out_.move(to, kR10, wide);
  }

  void swap_bytes(Register to, int32_t bits, bool to_big) {
    if (bits == 16) {
      if (to_big) out_.rotate16_by_8(to);
      out_.zero_extend16(to);
    } else if (to_big) {
      out_.swap(to, bits == 64);
    } else if (bits == 32) {
      out_.move(to, to, false);
    }
  }

  void atomic(const bpf_insn& insn) {
    bool wide = BPF_SIZE(insn.code) == BPF_DW;
    Register base = kRegisters[insn.dst_reg], from = kRegisters[insn.src_reg];
    switch (insn.imm) {
      case BPF_ADD:
        out_.lock_arithmetic(kAdd, base, insn.off, from, wide);
        return;
      case BPF_OR:
        out_.lock_arithmetic(kOr, base, insn.off, from, wide);
        return;
      case BPF_AND:
        out_.lock_arithmetic(kAnd, base, insn.off, from, wide);
        return;
      case BPF_XOR:
        out_.lock_arithmetic(kXor, base, insn.off, from, wide);
        return;
      case BPF_ADD | BPF_FETCH:
        out_.lock_exchange_add(base, insn.off, from, wide);
        break;
      case BPF_XCHG:
        out_.exchange(base, insn.off, from, wide);
        break;
      case BPF_CMPXCHG:
        out_.lock_compare_exchange(base, insn.off, from, wide);
        // Where the 32-bit comparison succeeds the processor leaves rax alone, upper half and all.
        if (!wide) out_.move(kRax, kRax, false);
        return;
      case BPF_OR | BPF_FETCH:
        fetch(kOr, base, from, insn.off, wide);
        break;
      case BPF_AND | BPF_FETCH:
        fetch(kAnd, base, from, insn.off, wide);
        break;
      case BPF_XOR | BPF_FETCH:
        fetch(kXor, base, from, insn.off, wide);
        break;
      default:
        break;
    }
  }

  // A compare-and-exchange loop on rax; r0 waits in r11 meanwhile, also where it is the base or the operand.
  void fetch(Arithmetic operation, Register base, Register from, int32_t offset, bool wide) {
    out_.move(kR11, kRax);
    if (base == kRax) base = kR11;
    Register operand = from == kRax ? kR11 : from;
    out_.load(kRax, base, offset, wide ? 8 : 4);
    uint32_t again = out_.size();
    out_.move(kR10, kRax);
    out_.arithmetic(operation, kR10, operand, wide);
    out_.lock_compare_exchange(base, offset, kR10, wide);
    out_.short_jump_back_if(kNotEqual, again);
    if (from == kRax) {
      if (!wide) out_.move(kRax, kRax, false);
      return;
    }
    out_.move(from, kRax, wide);
    out_.move(kRax, kR11);
  }

  void jump(const bpf_insn& insn, uint32_t pc) {
    bool wide = BPF_CLASS(insn.code) == BPF_JMP;
    uint8_t operation = BPF_OP(insn.code);
    if (wide && operation == BPF_CALL) return call(insn, pc);
    if (wide && operation == BPF_EXIT) return leave();
    uint32_t target = offset_of(pc + 1 + static_cast<uint32_t>(int32_t{insn.off}));
    if (operation == BPF_JA) {
      if (insn.off == 0) return;  // what simplify() took out
      out_.jump(static_cast<int32_t>(target - (out_.size() + 5)));
      return;
    }
    Register a = kRegisters[insn.dst_reg], b = kRegisters[insn.src_reg];
    bool by_register = BPF_SRC(insn.code) == BPF_X;
    if (operation == BPF_JSET) {
      if (by_register)
        out_.test(a, b, wide);
      else
        out_.test_immediate(a, insn.imm, wide);
    } else {
      two_operands(kCmp, a, b, insn.imm, by_register, wide);
    }
    out_.jump_if(condition_of(operation), static_cast<int32_t>(target - (out_.size() + 6)));
  }

  static Condition condition_of(uint8_t operation) {
    switch (operation) {
      case BPF_JEQ:
        return kEqual;
      case BPF_JGT:
        return kAbove;
      case BPF_JGE:
        return kAboveEqual;
      case BPF_JLT:
        return kBelow;
      case BPF_JLE:
        return kBelowEqual;
      case BPF_JSGT:
        return kGreater;
      case BPF_JSGE:
        return kGreaterEqual;
      case BPF_JSLT:
        return kLess;
      case BPF_JSLE:
        return kLessEqual;
      default:
        return kNotEqual;  // JNE, JSET
    }
  }

  uint32_t offset_of(uint32_t pc) const { return pc < program_.insn_count ? offsets_[pc] : begin_; }

  void leave() {
    if (in_main_) return frame_.leave(out_);
    out_.arithmetic_immediate(kAdd, kRsp, 8, true);
    out_.ret();
  }

  void call(const bpf_insn& insn, uint32_t pc) {
    if (insn.src_reg == BPF_PSEUDO_CALL)
      return call_function(pc + 1 + static_cast<uint32_t>(insn.imm));
    auto id = static_cast<uint32_t>(insn.imm);
    if (insn.src_reg == kElementAddress)
      return load_element_address(program_.image->maps[insn.off - 1], id);
    if (id == kTailCallHelper) return tail_call();
    if (const MapView* map = map_of_lookup(program_, insn))
      return is_array_type(map->type) ? lookup_array(*map) : call_address(lookup_function(*map));
    if (id == BPF_FUNC_get_current_pid_tgid) return load_identity(id, offsetof(Thread, pid_tgid));
    if (id == BPF_FUNC_get_current_uid_gid) return load_identity(id, offsetof(Thread, uid_gid));
    if (id == BPF_FUNC_get_smp_processor_id) return out_.load(kRax, kR12, kThreadSlot, 4);
    if (id == BPF_FUNC_loop || id == BPF_FUNC_for_each_map_elem)
      out_.store(kR12, static_cast<int32_t>(offsetof(Thread, frame)), kRbp, 8);
    call_address(helper_function(id));
  }
  void call_address(HelperFunction function) {
    out_.move(kR9, kR12);
    out_.move_address(kRax, reinterpret_cast<uint64_t>(function));
    out_.call_register(kRax);
  }

  // r0 = what the thread remembers of itself, unless that may be out of date: then the helper asks.
  void load_identity(uint32_t id, uint64_t offset) {
    out_.move_address(kR10, reinterpret_cast<uint64_t>(&identity_generation));
    out_.load(kR10, kR10, 0, 8);
    out_.load(kRax, kR12, static_cast<int32_t>(offset), 8);
    out_.compare_memory(kR10, kR12, static_cast<int32_t>(offsetof(Thread, identity_generation)));
    uint32_t known = out_.short_jump_if(kEqual);
    call_address(helper_function(id));
    out_.land(known);
  }

  void call_function(uint32_t target) {
    for (Register saved : kCalleeSaved) out_.push(saved);
    out_.arithmetic_immediate(kSub, kRbp, kFrameSize, true);
    out_.call(static_cast<int32_t>(offset_of(target) - (out_.size() + 5)));
    out_.arithmetic_immediate(kAdd, kRbp, kFrameSize, true);
    for (int i = 3; i >= 0; i--) out_.pop(kCalleeSaved[i]);
  }

  void load_element_address(const MapView& map, uint32_t index) {
    out_.move_address(kRax, reinterpret_cast<uint64_t>(value_at(map, index, 0)));
    if (map.layout.slot_stride) add_slot(map);
  }
  void add_slot(const MapView& map) {
    out_.load(kR11, kR12, kThreadSlot, 4);
    out_.move_address(kR10, map.layout.slot_stride);
    out_.multiply(kR11, kR10, true);
    out_.arithmetic(kAdd, kRax, kR11, true);
  }

  // r0 = index < max_entries ? values + slot × slot_stride + index × value_stride : 0, without a call.
  void lookup_array(const MapView& map) {
    out_.load(kRax, kRsi, 0, 4);
    out_.arithmetic_immediate(kCmp, kRax, static_cast<int32_t>(map.max_entries), false);
    uint32_t beyond = out_.short_jump_if(kAboveEqual);
    uint32_t stride = map.layout.value_stride;
    if (base::is_power_of_two(stride))
      out_.shift_immediate(kShl, kRax, static_cast<uint8_t>(__builtin_ctz(stride)), true);
    else
      out_.multiply_immediate(kRax, kRax, static_cast<int32_t>(stride), true);
    out_.move_address(kR10, reinterpret_cast<uint64_t>(map.values));
    out_.arithmetic(kAdd, kRax, kR10, true);
    if (map.layout.slot_stride) add_slot(map);
    uint32_t done = out_.short_jump();
    out_.land(beyond);
    out_.arithmetic(kXor, kRax, kRax, false);
    out_.land(done);
  }

  // Behind it the program goes on where find_tail_call() found nothing. r1 stays the context; r6–r9 are the target's to
  // set, r0–r5 are dead.
  void tail_call() {
    out_.push(kRdi);
    out_.push(kRdi);
    out_.move(kRdi, kRsi);
    out_.move(kRsi, kRdx, false);
    out_.move(kRdx, kR12);
    out_.move_address(kRax, reinterpret_cast<uint64_t>(&jit_tail_call));
    out_.call_register(kRax);
    out_.pop(kRdi);
    out_.pop(kRdi);
    out_.test(kRax, kRax, true);
    uint32_t none = out_.short_jump_if(kEqual);
    out_.jump_register(kRax);
    out_.land(none);
  }

  static const void* jit_tail_call(const MapView* map, uint32_t index, Thread* thread) {
    const LoadedProgram* target = find_tail_call(*map, index, *thread);
    return target ? target->jit_inner : nullptr;
  }

  const LoadedProgram& program_;
  Emitter& out_;
  const JitFrame& frame_;
  uint32_t* offsets_;
  const bool* functions_;
  uint32_t begin_;
  bool in_main_ = true;
};

void* map_memory(uint64_t size) {
  int64_t result = raw_syscall(__NR_mmap, 0, static_cast<int64_t>(size), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return result < 0 && result > -4096 ? nullptr : reinterpret_cast<void*>(result);
}
void unmap_memory(void* memory, uint64_t size) {
  raw_syscall(__NR_munmap, reinterpret_cast<int64_t>(memory), static_cast<int64_t>(size));
}

// Whether a program asks for nothing to be prepared: no helper that uses what run_enter() sets.
bool may_be_quick(const LoadedProgram& program) {
  bool quick = program.attach_kind == AttachKind::kSysEnter;
  for (uint32_t i = 0; i < program.insn_count; i++) {
    const bpf_insn& insn = program.insns[i];
    if (is_wide(insn)) i++;
    if (!is_call(insn) || insn.src_reg == kElementAddress) continue;
    quick &= insn.src_reg == 0 && insn.imm != BPF_FUNC_override_return &&
             insn.imm != BPF_FUNC_set_retval && insn.imm != BPF_FUNC_trace_printk &&
             insn.imm != BPF_FUNC_trace_vprintk && insn.imm != BPF_FUNC_tail_call;
  }
  return quick;
}

// Memory of the compiler itself: for each program two runs of offsets, plain and quick, and its functions.
struct Scratch {
  uint32_t* offsets;
  uint32_t* quick_offsets;
  bool* functions;
};

// Offsets of the first pass are the second pass's jump targets; both emit the same sizes.
uint32_t compile_all(LoadedImage& image, unsigned char* arena, const Scratch& scratch, bool write) {
  Emitter out(write ? arena : nullptr);
  uint32_t done = 0;
  for (uint32_t i = 0; i < image.program_count; i++) {
    LoadedProgram& program = image.programs[i];
    bool* functions = scratch.functions + done;
    mark_functions(program, functions);
    const FrameNeeds needs = needs_of(program, functions);
    uint32_t start = out.size();
    const JitFrame plain(needs, false);
    uint32_t inner = Compiler(program, out, plain, scratch.offsets + done, functions).compile();
    if (write) {
      program.jit = reinterpret_cast<JitEntry>(arena + start);
      program.jit_inner = arena + inner;
    }
    out.align(16);
    if (may_be_quick(program) && !needs.uniform) {
      if (write) program.quick = arena + out.size();
      const JitFrame quick(needs, true);
      Compiler(program, out, quick, scratch.quick_offsets + done, functions).compile();
      out.align(16);
    }
    done += program.insn_count;
  }
  return out.size();
}

}  // namespace

bool jit_compile(LoadedImage& image) {
  uint64_t count = uint64_t{image.insn_count} + 1;
  uint64_t scratch_size = count * (2 * sizeof(uint32_t) + 1);
  auto* offsets = static_cast<uint32_t*>(map_memory(scratch_size));
  if (!offsets) return false;
  Scratch scratch{offsets, offsets + count, reinterpret_cast<bool*>(offsets + 2 * count)};
  uint64_t size = compile_all(image, nullptr, scratch, false);
  auto* arena = static_cast<unsigned char*>(map_memory(size));
  if (arena) {
    compile_all(image, arena, scratch, true);
    if (raw_syscall(__NR_mprotect, reinterpret_cast<int64_t>(arena), static_cast<int64_t>(size),
                    PROT_READ | PROT_EXEC)) {
      for (uint32_t i = 0; i < image.program_count; i++)
        image.programs[i].jit = nullptr, image.programs[i].quick = nullptr;
      unmap_memory(arena, size);
      arena = nullptr;
    }
  }
  unmap_memory(offsets, scratch_size);
  image.code = arena;
  image.code_size = arena ? size : 0;
  return arena != nullptr;
}

void jit_free(LoadedImage& image) {
  if (image.code) unmap_memory(image.code, image.code_size);
  image.code = nullptr;
}

}  // namespace bt::hooks
