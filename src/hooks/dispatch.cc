// SPDX-License-Identifier: MIT
// One call's way through the programs:
//
//   enter   sys_enter of this call, raw sys_enter; an override ends it here, without exit programs
//           decide: the strictest answer wins (deny > kernel > serve); then op_enter unless denied
//   exit    sys_exit of this call, raw sys_exit (an override replaces the result), then op_exit
//
// Programs see the context as the agent made it, whatever others did. Within a list, specific programs run before global ones and objects in
// the order they were loaded. A thread that is in a program already (a signal handler's call) runs none: it is counted.
#include <asm/unistd.h>
#include <fcntl.h>

#include "base/bytes.h"
#include "hooks/call_path.h"
#include "hooks/clock.h"
#include "hooks/hooks.h"
#include "hooks/identity.h"
#include "hooks/interpreter.h"
#include "hooks/refresh.h"
#include "hooks/safe_copy.h"

namespace bt::hooks {
namespace {

constinit std::atomic<uint64_t> nothing_loaded{0};
constexpr uint16_t kOpOpen = 0;  // ops.def
Host agent_host;                 // const after init()

const ProgramList& list_of(const State& state, int64_t nr, AttachKind kind) {
  return state.rows[nr].lists[static_cast<uint32_t>(kind)];
}

// The State whose programs may now run on this thread, or null. Pairs with the membarrier of free_retired().
const State* enter_state(Thread& thread) {
  for (;;) {
    const State* state = current_state.load(std::memory_order_acquire);
    thread.running.store(state, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (state == current_state.load(std::memory_order_acquire)) return state;
  }
}

const State* begin(Thread*& slot, int64_t nr) {
  if (nr < 0 || nr >= kSyscallsMax || !registry) return nullptr;
  uint64_t word = loaded_word->load(std::memory_order_acquire);
  const State* known = current_state.load(std::memory_order_acquire);
  if (!known || known->word != word) [[unlikely]]
    refresh(word);
  if (!slot) [[unlikely]]
    slot = alloc_thread();
  Thread* thread = slot;
  if (!thread) return nullptr;
  if (thread->depth) {
    registry->header.missed.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  thread->depth = 1;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const State* state = enter_state(*thread);
  if (!state) thread->depth = 0;  // not one could be built
  return state;
}

// A slot only for images that look at it; false where the shared one is busy.
bool has_slot(const State& state, Thread& thread) {
  if (!state.needs_slot || (thread.slot < kThreadSlots - 1)) return true;
  return claim_slot(thread);
}

void end(Thread& thread) {
  if (thread.shared_slot) release_shared_slot(thread);
  thread.call = nullptr;
  thread.running.store(nullptr, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  thread.depth = 0;
}

// The verifier lets no program write to these contexts, so that all may be given the same one.
void run(const State& state, const ProgramList& list, Thread& thread, void* context) {
  for (uint32_t i = 0; i < list.count; i++)
    run_program(*state.programs[list.start + i], context, thread);
}

void allow_override(Thread& thread) {
  thread.may_override = true;
  thread.overridden = false;
}

bool run_sys_enter(const State& state, Thread& thread, Call& call) {
  const ProgramList& list = list_of(state, call.nr, AttachKind::kSysEnter);
  if (!list.count) return false;
  allow_override(thread);
  run(state, list, thread, &call);
  thread.may_override = false;
  if (thread.overridden) call.result = thread.override_value;
  return thread.overridden;
}

int64_t run_sys_exit(const State& state, Thread& thread, const Call& call, int64_t result) {
  const ProgramList& list = list_of(state, call.nr, AttachKind::kSysExit);
  if (!list.count) return result;
  allow_override(thread);
  SysExitContext context{0, 0, 0, 0, call.nr, result};
  run(state, list, thread, &context);
  thread.may_override = false;
  return thread.overridden ? thread.override_value : result;
}

// Of an open; 0 for other calls.
uint64_t open_flags(const Call& call) {
  switch (call.nr) {
    case __NR_open:
      return call.args[1];
    case __NR_openat:
      return call.args[2];
    case __NR_creat:
      return O_CREAT | O_WRONLY | O_TRUNC;
    case __NR_openat2: {
      uint64_t flags = 0;
      safe_read(&flags, sizeof flags, call.args[2]);
      return flags;
    }
    default:
      return 0;
  }
}

// Every field is written: zeroing the whole first costs as much as the rest (rep stos).
void fill_context(Thread& thread, Call& call, int64_t result, CallContext& context) {
  OpCall op = op_call(call.nr);
  context.op = op.op;
  context.action = 0;
  context.ret = result;
  context.nr = call.nr;
  for (int i = 0; i < 6; i++) context.args[i] = call.args[i];
  context.fd = op.fd_argument[0] >= 0 ? static_cast<int32_t>(call.args[op.fd_argument[0]]) : -1;
  context.path = op.path_argument[0] >= 0 ? call.args[op.path_argument[0]] : 0;
  context.path2 = op.path_argument[1] >= 0 ? call.args[op.path_argument[1]] : 0;
  if (agent_host.identify) agent_host.identify(call, context.fd, context.path);
  context.mount = call.mount;
  context.inode = call.inode;
  context.flags = op.op == kOpOpen ? open_flags(call) : 0;
  context.served = static_cast<uint32_t>(call.served);
  forget_paths(thread);
  thread.call = &context;
}

Action run_decide(const State& state, Thread& thread, Call& call, CallContext& context) {
  const ProgramList& list = list_of(state, call.nr, AttachKind::kDecide);
  Action strictest = Action::kServe;
  for (uint32_t i = 0; i < list.count; i++) {
    context.action = 0;  // these two are all that a program may write
    context.ret = 0;
    allow_override(thread);
    run_program(*state.programs[list.start + i], &context, thread);
    thread.may_override = false;
    auto action =
        static_cast<Action>(base::min(context.action, static_cast<uint32_t>(Action::kDeny)));
    int64_t answer = context.ret;
    if (thread.overridden) {
      action = Action::kDeny;
      answer = thread.override_value;
    }
    if (action <= strictest) continue;
    strictest = action;
    if (action == Action::kDeny) call.result = answer;
  }
  return strictest;
}

int64_t exit_programs(const State& state, Thread& thread, Call& call, int64_t result) {
  result = run_sys_exit(state, thread, call, result);
  if (list_of(state, call.nr, AttachKind::kOpExit).count) {
    CallContext context;
    fill_context(thread, call, result, context);
    run(state, list_of(state, call.nr, AttachKind::kOpExit), thread, &context);
  }
  return result;
}

Verdict enter_programs(const State& state, Thread& thread, Call& call) {
  if (run_sys_enter(state, thread, call)) return Verdict::kAnswered;
  if (!state.rows[call.nr].has_op) return Verdict::kServe;
  CallContext context;
  fill_context(thread, call, 0, context);
  Action action = run_decide(state, thread, call, context);
  context.action = static_cast<uint32_t>(action);
  if (action != Action::kDeny) {
    context.ret = 0;
    run(state, list_of(state, call.nr, AttachKind::kOpEnter), thread, &context);
    return action == Action::kKernel ? Verdict::kKernel : Verdict::kServe;
  }
  // A denied call is an answered one, so those who watch results see it.
  call.served = Served::kDenied;
  call.result = exit_programs(state, thread, call, call.result);
  return Verdict::kAnswered;
}

}  // namespace

const std::atomic<uint64_t>* loaded_word = &nothing_loaded;

const Host& host() { return agent_host; }

uint64_t run_program(const LoadedProgram& program, void* context, Thread& thread) {
  thread.image = program.image;
  thread.tail_calls = 0;
  return program.jit ? program.jit(context, &thread) : interpret(program, context, thread);
}

void init(const char* run_directory, const Host& agent) {
  agent_host = agent;
  set_faults_handled(agent.faults_handled);
  clock_init();
  open_registry(run_directory);
  if (registry) loaded_word = &registry->header.word;
}

Verdict run_enter(Thread*& thread, Call& call) {
  const State* state = begin(thread, call.nr);
  if (!state) return Verdict::kServe;
  Verdict verdict = Verdict::kServe;
  call.wants_exit = state->rows[call.nr].wants_exit;
  if (has_slot(*state, *thread)) verdict = enter_programs(*state, *thread, call);
  end(*thread);
  return verdict;
}

int64_t run_exit(Thread*& thread, Call& call, int64_t result) {
  if (changes_identity(call.nr)) identity_changed();
  const State* state = begin(thread, call.nr);
  if (!state) return result;
  if (has_slot(*state, *thread)) result = exit_programs(*state, *thread, call, result);
  end(*thread);
  return result;
}

void thread_exit(Thread*& thread) {
  if (thread) free_thread(thread);
  thread = nullptr;
}

void fork_child(Thread*& thread) {
  forget_refresh_lock();
  identity_changed();
  keep_only(thread);
  if (!thread) return;
  // The block is kept, its identity is not: slot and locks of the parent's thread stay the parent's.
  thread->slot = thread->user.slot = ~0u;
  thread->shared_slot = false;
  thread->depth = 0;
  thread->running.store(nullptr, std::memory_order_relaxed);
  thread->user.token = token_of_this_thread();
}

}  // namespace bt::hooks
