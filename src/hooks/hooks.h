// SPDX-License-Identifier: MIT
// What the agent calls. Programs are loaded and unloaded from outside (`btfuse hook`) through the registry, a page that
// every agent maps; one word of it says whether any program is loaded.
//
//   per process   init() once; fork_child() in a forked child
//   per thread    a `Thread*`, zero at first, which run_enter() fills in; thread_exit() gives it back
//   per call      if (is_watched(number)) [[unlikely]] → run_enter(), the call itself, run_exit() where Call::wants_exit
//
// Stack: run_enter and run_exit need at most kStackNeeded bytes below their caller, and 4 KiB more on the rare call that
// finds the registry changed. General registers only; nothing is saved or restored but what the C ABI says. Neither takes
// a lock that the application can hold; both may be reached again from a signal handler, and then run no program.
// No system call is made on the steady path.
#pragma once

#include "hooks/context_format.h"
#include "hooks/registry_format.h"
#include "hooks/thread.h"

namespace bt::hooks {

inline constexpr uint32_t kStackNeeded = 3072;

// One call of the application, as the agent knows it: number and arguments are the agent's to set. Begins as the context
// of sys_enter programs, which are given it as it is.
struct Call {
  uint64_t trace_entry;  // run_enter's to set
  int64_t nr;
  uint64_t args[6];
  // Filled by Host::identify where a program that is loaded for this call can see them.
  uint64_t mount;
  uint64_t inode;
  // Set by the agent before run_exit.
  Served served;
  // Set by run_enter.
  int64_t result;   // where it answers kAnswered
  bool wants_exit;  // a program waits for the result: issue the call where run_exit can follow it
};

static_assert(offsetof(Call, nr) == offsetof(SysEnterContext, id) &&
              offsetof(Call, args) == offsetof(SysEnterContext, args));

inline constexpr int32_t kCurrentDirectory = -100;  // AT_FDCWD

struct Host {
  // Which mount and inode the call is about, as far as that costs next to nothing: from its descriptor, else from its
  // path argument (address, 0 = none). May be null.
  void (*identify)(Call& call, int32_t fd, uint64_t path) = nullptr;
  // Writes the absolute path of a relative path argument, or (path 0) of what the descriptor refers to; its length, 0 =
  // not known. `path` is memory of the application. May be null.
  uint32_t (*absolute_path)(int32_t directory, uint64_t path, char* out, uint32_t size) = nullptr;
  // The agent's SIGSEGV and SIGBUS handler serves base/user_copy.h.
  bool faults_handled = false;
};
const Host& host();

// Opens the registry under `run_directory` (…/btfuse), creating it where missing. Where it cannot, any_loaded() is false
// for good. Never fails its caller.
void init(const char* run_directory, const Host& host);

// The registry's word, or a zero.
extern const std::atomic<uint64_t>* loaded_word;
inline bool any_loaded() { return loaded_word->load(std::memory_order_relaxed) != 0; }

// Which calls run programs, for one value of the registry's word: all that a call looks at to which none is attached.
inline constexpr uint32_t kCallsMax = 512;
struct Watched {
  std::atomic<uint64_t> word{0};               // atomic: refresh() → is_watched()
  std::atomic<uint8_t> calls[kCallsMax] = {};  // Watch
};
// Nothing is attached; programs that need run_enter(); one that quick_call.h can enter.
enum Watch : uint8_t { kNotWatched = 0, kWatchedCall = 1, kQuickCall = 2 };
extern Watched watched;
// True where a program may want to see the call. `number` below kCallsMax.
inline bool is_watched(uint32_t number) {
  uint64_t word = loaded_word->load(std::memory_order_relaxed);
  if (word == 0) [[likely]]
    return false;
  return watched.word.load(std::memory_order_acquire) != word ||
         watched.calls[number].load(std::memory_order_relaxed);
}

enum class Verdict : uint32_t {
  kServe,     // do what you would do
  kKernel,    // pass the call to the kernel even if it is ours
  kAnswered,  // do not make the call, nor run_exit; Call::result is its result
};
// Precondition of both: the call's number is below kCallsMax.
Verdict run_enter(Thread*& thread, Call& call);

// The result that the application is given.
int64_t run_exit(Thread*& thread, Call& call, int64_t result);

void thread_exit(Thread*& thread);
// In the child, before anything else of this file. `thread` is the forking thread's.
void fork_child(Thread*& thread);

}  // namespace bt::hooks
