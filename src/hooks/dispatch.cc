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

const ProgramList& list_of(const CallRow& row, AttachKind kind) {
  return row.lists[static_cast<uint32_t>(kind)];
}

// Sets what this thread runs, unless the State was replaced meanwhile. Pairs with the membarrier of free_retired().
inline bool enter_state(Thread& thread, const State* state) {
  thread.running.store(state, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (state == current_state.load(std::memory_order_acquire)) [[likely]]
    return true;
  thread.running.store(nullptr, std::memory_order_relaxed);
  return false;
}

// The thread's first call, a changed registry, or a call of a signal handler that met its own thread.
[[gnu::noinline, gnu::cold]] const State* begin_slowly(Thread*& slot) {
  if (slot && slot->running.load(std::memory_order_relaxed)) {
    registry->header.missed.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  uint64_t word = loaded_word->load(std::memory_order_acquire);
  const State* known = current_state.load(std::memory_order_acquire);
  if (!known || known->word != word) refresh(word);
  if (!slot) slot = alloc_thread();
  for (const State* state; slot && (state = current_state.load(std::memory_order_acquire));)
    if (enter_state(*slot, state)) return state;
  return nullptr;  // not one could be built
}

// The State whose programs may now run on this thread, or null.
[[gnu::always_inline]] inline const State* begin(Thread*& slot) {
  const State* state = current_state.load(std::memory_order_acquire);
  Thread* thread = slot;
  if (thread && state && state->word == loaded_word->load(std::memory_order_relaxed) &&
      !thread->running.load(std::memory_order_relaxed) && enter_state(*thread, state)) [[likely]]
    return state;
  return begin_slowly(slot);
}

// A slot only for images that look at it; false where the shared one is busy.
inline bool has_slot(const State& state, Thread& thread) {
  if (!state.needs_slot || (thread.slot < kThreadSlots - 1)) [[likely]]
    return true;
  return claim_slot(thread);
}

inline void end(Thread& thread) {
  if (thread.shared_slot) [[unlikely]]
    release_shared_slot(thread);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  thread.running.store(nullptr, std::memory_order_release);
}

inline void run_one(const LoadedProgram& program, void* context, Thread& thread) {
  thread.image = program.image;
  thread.tail_calls = 0;
  if (program.jit) [[likely]]
    program.jit(context, &thread);
  else
    interpret(program, context, thread);
}

// The verifier lets no program write to these contexts, so that all may be given the same one.
inline void run(const State& state, const ProgramList& list, Thread& thread, void* context) {
  const LoadedProgram** program = state.programs + list.start;
  for (uint32_t count = list.count; count; count--) run_one(**program++, context, thread);
}

void allow_override(Thread& thread) {
  thread.may_override = true;
  thread.overridden = false;
}

inline bool run_sys_enter(const State& state, const CallRow& row, Thread& thread, Call& call) {
  const ProgramList& list = list_of(row, AttachKind::kSysEnter);
  if (!list.count) return false;
  allow_override(thread);
  run(state, list, thread, &call);
  thread.may_override = false;
  if (!thread.overridden) [[likely]]
    return false;
  call.result = thread.override_value;
  return true;
}

inline int64_t run_sys_exit(const State& state, const CallRow& row, Thread& thread,
                            const Call& call, int64_t result) {
  const ProgramList& list = list_of(row, AttachKind::kSysExit);
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

constexpr uint32_t word_of(uint64_t offset) { return 1u << (offset / 8); }
constexpr uint32_t kIdentityWords =
    word_of(offsetof(CallContext, mount)) | word_of(offsetof(CallContext, inode));
constexpr uint32_t kArgumentWords = 0x3fu << (offsetof(CallContext, args) / 8);
// With them goes what is made of the arguments: the path's addresses, the descriptor, the call's number.
constexpr uint32_t kCallWords =
    kArgumentWords | kIdentityWords | word_of(offsetof(CallContext, nr)) |
    word_of(offsetof(CallContext, path)) | word_of(offsetof(CallContext, path2)) |
    word_of(offsetof(CallContext, flags)) | word_of(offsetof(CallContext, fd));
static_assert(offsetof(CallContext, fd) / 8 == offsetof(CallContext, served) / 8);

void fill_call_words(const OpCall& op, uint32_t words, Call& call, Served served,
                     CallContext& context) {
  context.nr = call.nr;
  if (words & kArgumentWords)
    for (int i = 0; i < 6; i++) context.args[i] = call.args[i];
  context.fd = op.fd_argument[0] >= 0 ? static_cast<int32_t>(call.args[op.fd_argument[0]]) : -1;
  context.path = op.path_argument[0] >= 0 ? call.args[op.path_argument[0]] : 0;
  context.path2 = op.path_argument[1] >= 0 ? call.args[op.path_argument[1]] : 0;
  if (words & kIdentityWords) {
    call.mount = call.inode = 0;
    if (agent_host.identify) agent_host.identify(call, context.fd, context.path);
    context.mount = call.mount;
    context.inode = call.inode;
  }
  if (words & word_of(offsetof(CallContext, flags)))
    context.flags = op.op == kOpOpen ? open_flags(call) : 0;
  context.served = static_cast<uint32_t>(served);
}

// Fields are filled where a program of this call may read them, as the verifier saw; the others hold what the stack held,
// and are not read.
inline void fill_context(const CallRow& row, Thread& thread, Call& call, Served served,
                         int64_t result, CallContext& context) {
  context.op = row.op.op;
  context.action = 0;
  context.ret = result;
  if (row.context_words & kCallWords)
    fill_call_words(row.op, row.context_words, call, served, context);
  forget_paths(thread);
  thread.call = &call;
  thread.op = &row.op;
}

Action run_decide(const State& state, const CallRow& row, Thread& thread, Call& call,
                  CallContext& context) {
  const ProgramList& list = list_of(row, AttachKind::kDecide);
  Action strictest = Action::kServe;
  for (uint32_t i = 0; i < list.count; i++) {
    context.action = 0;  // these two are all that a program may write
    context.ret = 0;
    allow_override(thread);
    run_one(*state.programs[list.start + i], &context, thread);
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

int64_t exit_programs(const State& state, const CallRow& row, Thread& thread, Call& call,
                      int64_t result) {
  result = run_sys_exit(state, row, thread, call, result);
  const ProgramList& list = list_of(row, AttachKind::kOpExit);
  if (list.count) {
    CallContext context;
    fill_context(row, thread, call, call.served, result, context);
    run(state, list, thread, &context);
    thread.call = nullptr;
  }
  return result;
}

[[gnu::noinline]] Verdict decide_and_enter(const State& state, const CallRow& row, Thread& thread,
                                           Call& call) {
  CallContext context;
  fill_context(row, thread, call, Served::kUnknown, 0, context);
  Action action = run_decide(state, row, thread, call, context);
  context.action = static_cast<uint32_t>(action);
  if (action != Action::kDeny) {
    context.ret = 0;
    run(state, list_of(row, AttachKind::kOpEnter), thread, &context);
    thread.call = nullptr;
    return action == Action::kKernel ? Verdict::kKernel : Verdict::kServe;
  }
  // A denied call is an answered one, so those who watch results see it.
  call.served = Served::kDenied;
  call.result = exit_programs(state, row, thread, call, call.result);
  thread.call = nullptr;
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
  open_registry(run_directory);
  if (registry) loaded_word = &registry->header.word;
}

Verdict run_enter(Thread*& slot, Call& call) {
  call.wants_exit = false;
  const State* state = begin(slot);
  if (!state) [[unlikely]]
    return Verdict::kServe;
  Thread& thread = *slot;
  const CallRow& row = state->rows[call.nr];
  call.trace_entry = 0;
  call.wants_exit = row.wants_exit;
  Verdict verdict = Verdict::kServe;
  if (has_slot(*state, thread)) [[likely]] {
    if (run_sys_enter(*state, row, thread, call))
      verdict = Verdict::kAnswered;
    else if (row.has_op)
      verdict = decide_and_enter(*state, row, thread, call);
  }
  end(thread);
  return verdict;
}

int64_t run_exit(Thread*& thread, Call& call, int64_t result) {
  const State* state = begin(thread);
  if (!state) [[unlikely]] {
    identity_changed();  // it may have been such a call
    return result;
  }
  const CallRow& row = state->rows[call.nr];
  if (row.changes_identity) [[unlikely]]
    identity_changed();
  if (has_slot(*state, *thread)) [[likely]]
    result = exit_programs(*state, row, *thread, call, result);
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
  thread->running.store(nullptr, std::memory_order_relaxed);
  thread->user.token = token_of_this_thread();
}

}  // namespace bt::hooks
