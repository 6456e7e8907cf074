// SPDX-License-Identifier: MIT
#include "hooks/interpreter.h"

#include "hooks/helpers.h"
#include "hooks/instruction.h"

namespace bt::hooks {

struct Machine {
  struct Frame {
    uint64_t saved[4];  // r6–r9 of the caller
    uint32_t return_to;
  };
  uint64_t r[11];
  Frame frames[kFramesMax];
  uint32_t depth = 0;
  uint32_t steps = 0;
  bool stopped = false;  // ended before its time: out of steps, or a violation in checked mode
  const LoadedProgram* program;
  Thread* thread;
  MemoryCheck* check;
};

namespace {

constexpr uint32_t kEnd = ~0u;

uint64_t alu64(uint8_t operation, uint64_t a, uint64_t b) {
  switch (operation) {
    case BPF_ADD:
      return a + b;
    case BPF_SUB:
      return a - b;
    case BPF_MUL:
      return a * b;
    case BPF_DIV:
      return b ? a / b : 0;
    case BPF_MOD:
      return b ? a % b : a;
    case BPF_OR:
      return a | b;
    case BPF_AND:
      return a & b;
    case BPF_XOR:
      return a ^ b;
    case BPF_LSH:
      return a << (b & 63);
    case BPF_RSH:
      return a >> (b & 63);
    case BPF_ARSH:
      return static_cast<uint64_t>(static_cast<int64_t>(a) >> (b & 63));
    case BPF_NEG:
      return -a;
    default:
      return b;  // BPF_MOV
  }
}

uint32_t alu32(uint8_t operation, uint32_t a, uint32_t b) {
  switch (operation) {
    case BPF_DIV:
      return b ? a / b : 0;
    case BPF_MOD:
      return b ? a % b : a;
    case BPF_LSH:
      return a << (b & 31);
    case BPF_RSH:
      return a >> (b & 31);
    case BPF_ARSH:
      return static_cast<uint32_t>(static_cast<int32_t>(a) >> (b & 31));
    default:
      return static_cast<uint32_t>(alu64(operation, a, b));
  }
}

uint64_t swap_bytes(uint64_t value, int32_t bits, bool to_big) {
  if (bits == 16)
    return to_big ? __builtin_bswap16(static_cast<uint16_t>(value)) : static_cast<uint16_t>(value);
  if (bits == 32)
    return to_big ? __builtin_bswap32(static_cast<uint32_t>(value)) : static_cast<uint32_t>(value);
  return to_big ? __builtin_bswap64(value) : value;
}

template <typename U, typename S>
bool compare(uint8_t operation, U a, U b) {
  auto x = static_cast<S>(a), y = static_cast<S>(b);
  switch (operation) {
    case BPF_JEQ:
      return a == b;
    case BPF_JNE:
      return a != b;
    case BPF_JGT:
      return a > b;
    case BPF_JGE:
      return a >= b;
    case BPF_JLT:
      return a < b;
    case BPF_JLE:
      return a <= b;
    case BPF_JSET:
      return (a & b) != 0;
    case BPF_JSGT:
      return x > y;
    case BPF_JSGE:
      return x >= y;
    case BPF_JSLT:
      return x < y;
    case BPF_JSLE:
      return x <= y;
    default:
      return false;
  }
}

uint64_t load(uint64_t address, uint32_t size) {
  switch (size) {
    case 1:
      return *reinterpret_cast<const uint8_t*>(address);
    case 2: {
      uint16_t half;
      __builtin_memcpy(&half, reinterpret_cast<const void*>(address), 2);
      return half;
    }
    case 4: {
      uint32_t word;
      __builtin_memcpy(&word, reinterpret_cast<const void*>(address), 4);
      return word;
    }
    default: {
      uint64_t value;
      __builtin_memcpy(&value, reinterpret_cast<const void*>(address), 8);
      return value;
    }
  }
}

void store(uint64_t address, uint32_t size, uint64_t value) {
  auto* to = reinterpret_cast<void*>(address);
  switch (size) {
    case 1:
      __builtin_memcpy(to, &value, 1);
      break;
    case 2:
      __builtin_memcpy(to, &value, 2);
      break;
    case 4:
      __builtin_memcpy(to, &value, 4);
      break;
    default:
      __builtin_memcpy(to, &value, 8);
  }
}

// T is uint32_t or uint64_t. Fetching forms leave the old value in `source` (cmpxchg: in r0), zero-extended.
template <typename T>
void atomic(const bpf_insn& insn, uint64_t address, uint64_t& source, uint64_t& r0) {
  auto* at = reinterpret_cast<T*>(address);
  auto operand = static_cast<T>(source);
  T old = 0;
  switch (insn.imm & ~BPF_FETCH) {
    case BPF_ADD:
      old = __atomic_fetch_add(at, operand, __ATOMIC_SEQ_CST);
      break;
    case BPF_OR:
      old = __atomic_fetch_or(at, operand, __ATOMIC_SEQ_CST);
      break;
    case BPF_AND:
      old = __atomic_fetch_and(at, operand, __ATOMIC_SEQ_CST);
      break;
    case BPF_XOR:
      old = __atomic_fetch_xor(at, operand, __ATOMIC_SEQ_CST);
      break;
    case BPF_XCHG & ~BPF_FETCH:
      old = __atomic_exchange_n(at, operand, __ATOMIC_SEQ_CST);
      break;
    case BPF_CMPXCHG & ~BPF_FETCH: {
      auto expected = static_cast<T>(r0);
      __atomic_compare_exchange_n(at, &expected, operand, false, __ATOMIC_SEQ_CST,
                                  __ATOMIC_SEQ_CST);
      r0 = expected;
      return;
    }
    default:
      return;
  }
  if (insn.imm & BPF_FETCH) source = old;
}

bool allowed(Machine& machine, uint64_t address, uint32_t size, bool write, uint32_t pc) {
  MemoryCheck* check = machine.check;
  if (!check || check->allows(check->self, address, size, write)) return true;
  check->violated = true;
  check->at = pc;
  return false;
}

// False: the run is over (a violation in checked mode).
bool memory(Machine& machine, const bpf_insn& insn, uint32_t pc) {
  uint32_t size = access_size(insn.code);
  uint64_t& destination = machine.r[insn.dst_reg];
  uint64_t& source = machine.r[insn.src_reg];
  bool reads = BPF_CLASS(insn.code) == BPF_LDX;
  uint64_t address = (reads ? source : destination) + static_cast<uint64_t>(int64_t{insn.off});
  if (!allowed(machine, address, size, !reads, pc)) return false;
  if (reads)
    destination = load(address, size);
  else if (BPF_CLASS(insn.code) == BPF_ST)
    store(address, size, static_cast<uint64_t>(int64_t{insn.imm}));
  else if (BPF_MODE(insn.code) != BPF_ATOMIC)
    store(address, size, source);
  else if (size == 4)
    atomic<uint32_t>(insn, address, source, machine.r[0]);
  else
    atomic<uint64_t>(insn, address, source, machine.r[0]);
  return true;
}

void alu(Machine& machine, const bpf_insn& insn) {
  uint64_t& destination = machine.r[insn.dst_reg];
  uint8_t operation = BPF_OP(insn.code);
  if (operation == BPF_END) {
    destination = swap_bytes(destination, insn.imm, BPF_SRC(insn.code) == BPF_TO_BE);
    return;
  }
  uint64_t operand = BPF_SRC(insn.code) == BPF_X ? machine.r[insn.src_reg]
                                                 : static_cast<uint64_t>(int64_t{insn.imm});
  if (BPF_CLASS(insn.code) == BPF_ALU64)
    destination = alu64(operation, destination, operand);
  else
    destination =
        alu32(operation, static_cast<uint32_t>(destination), static_cast<uint32_t>(operand));
}

bool taken(const Machine& machine, const bpf_insn& insn) {
  uint8_t operation = BPF_OP(insn.code);
  uint64_t a = machine.r[insn.dst_reg];
  uint64_t b = BPF_SRC(insn.code) == BPF_X ? machine.r[insn.src_reg]
                                           : static_cast<uint64_t>(int64_t{insn.imm});
  if (BPF_CLASS(insn.code) == BPF_JMP)
    return operation == BPF_JA || compare<uint64_t, int64_t>(operation, a, b);
  return compare<uint32_t, int32_t>(operation, static_cast<uint32_t>(a), static_cast<uint32_t>(b));
}

// The program that the array names, or null: then the caller goes on behind the call.
const LoadedProgram* tail_call_target(Machine& machine) {
  const auto* map = reinterpret_cast<const MapView*>(machine.r[2]);
  return find_tail_call(*map, static_cast<uint32_t>(machine.r[3]), *machine.thread);
}

// Enters a frame below; false where there is none.
bool push_frame(Machine& machine, uint32_t return_to) {
  if (machine.depth + 1 >= kFramesMax) return false;
  Machine::Frame& frame = machine.frames[machine.depth++];
  for (int i = 0; i < 4; i++) frame.saved[i] = machine.r[6 + i];
  frame.return_to = return_to;
  machine.r[10] -= kFrameSize;
  return true;
}

// The next pc, or kEnd at the end of the run or of a function that a helper called.
uint32_t call_or_exit(Machine& machine, const bpf_insn& insn, uint32_t pc) {
  uint64_t* r = machine.r;
  if (BPF_OP(insn.code) == BPF_EXIT) {
    if (machine.depth == 0) return kEnd;
    Machine::Frame& frame = machine.frames[--machine.depth];
    for (int i = 0; i < 4; i++) r[6 + i] = frame.saved[i];
    r[10] += kFrameSize;
    return frame.return_to;
  }
  if (insn.src_reg == BPF_PSEUDO_CALL) {
    if (!push_frame(machine, pc + 1)) return kEnd;
    return pc + 1 + static_cast<uint32_t>(insn.imm);
  }
  if (insn.src_reg == kElementAddress) {
    const MapView& map = machine.program->image->maps[insn.off - 1];
    r[0] = reinterpret_cast<uint64_t>(
        value_at(map, static_cast<uint32_t>(insn.imm), machine.thread->slot));
    return pc + 1;
  }
  if (insn.imm == static_cast<int32_t>(kTailCallHelper)) {
    if (const LoadedProgram* target = tail_call_target(machine)) {
      machine.program = target;
      return 0;
    }
    return pc + 1;
  }
  r[0] = helper_function(static_cast<uint32_t>(insn.imm))(r[1], r[2], r[3], r[4], r[5],
                                                          machine.thread);
  return machine.stopped ? kEnd : pc + 1;
}

// From `pc` to the end of the program, or of the function that it begins in; r0.
uint64_t execute(Machine& machine, uint32_t pc) {
  while (machine.steps++ < kInterpreterStepsMax && pc < machine.program->insn_count) {
    const bpf_insn& insn = machine.program->insns[pc];
    switch (BPF_CLASS(insn.code)) {
      case BPF_ALU:
      case BPF_ALU64:
        alu(machine, insn);
        pc++;
        break;
      case BPF_LD:
        machine.r[insn.dst_reg] = static_cast<uint32_t>(insn.imm) |
                                  static_cast<uint64_t>(static_cast<uint32_t>((&insn)[1].imm))
                                      << 32;
        if (insn.src_reg == BPF_PSEUDO_FUNC)
          machine.r[insn.dst_reg] = pc + 1 + static_cast<uint32_t>(insn.imm);
        pc += 2;
        break;
      case BPF_JMP:
        if (BPF_OP(insn.code) == BPF_CALL || BPF_OP(insn.code) == BPF_EXIT) {
          pc = call_or_exit(machine, insn, pc);
          if (pc == kEnd) return machine.stopped ? 0 : machine.r[0];
          break;
        }
        [[fallthrough]];
      case BPF_JMP32:
        pc += 1 + (taken(machine, insn) ? static_cast<uint32_t>(int32_t{insn.off}) : 0);
        break;
      default:
        machine.stopped = !memory(machine, insn, pc);
        if (machine.stopped) return 0;
        pc++;
    }
  }
  machine.stopped = true;
  return 0;
}

}  // namespace

uint64_t interpret(const LoadedProgram& program, void* context, Thread& thread,
                   MemoryCheck* check) {
  Machine machine;
  machine.program = &program;
  machine.thread = &thread;
  machine.check = check;
  machine.r[0] = 0;
  machine.r[1] = reinterpret_cast<uint64_t>(context);
  machine.r[10] = thread.stack_top;
  thread.machine = &machine;
  uint64_t result = execute(machine, 0);
  thread.machine = nullptr;
  return result;
}

uint64_t interpret_callback(Machine& machine, uint64_t function, uint64_t r1, uint64_t r2,
                            uint64_t r3, uint64_t r4) {
  constexpr uint64_t kEnough = 1;
  if (machine.stopped || !push_frame(machine, kEnd)) return kEnough;
  const uint64_t arguments[4] = {r1, r2, r3, r4};
  for (int i = 0; i < 4; i++) machine.r[1 + i] = arguments[i];
  uint64_t result = execute(machine, static_cast<uint32_t>(function));
  return machine.stopped ? kEnough : result;
}

}  // namespace bt::hooks
