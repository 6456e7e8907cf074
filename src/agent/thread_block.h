// SPDX-License-Identifier: MIT
// What the agent keeps per thread: a few words in initial-exec TLS, which entry.S reads by these offsets, and an area of
// memory that holds the private stack and whatever is rarely needed. A thread gets its area on its first call that is
// not passed on by the stub.
#pragma once

// Offsets in ThreadBlock, for entry.S; asserted in thread_block.cc.
#define BT_THREAD_STACK 0
#define BT_THREAD_STATE 8
#define BT_THREAD_DEPTH 12
#define BT_THREAD_ATTENTION 16
// ThreadBlock::state
#define BT_STATE_READY 1
#define BT_STATE_FAULTS_BLOCKED 2
// Offsets in ThreadArea, which begins at the top of the stack.
#define BT_AREA_SPLIT 0
#define BT_AREA_SPLIT_MASK 80
#define BT_AREA_FRAME 88
// Registers of the program in a SplitFrame and on its stack, in words from the lowest address.
#define BT_FRAME_NUMBER 0
#define BT_FRAME_R9 8
#define BT_FRAME_R8 16
#define BT_FRAME_R10 24
#define BT_FRAME_RDX 32
#define BT_FRAME_RSI 40
#define BT_FRAME_RDI 48
#define BT_FRAME_RBP 56
#define BT_FRAME_AFTER 64
#define BT_FRAME_SIZE 72
// Entries of bt_handlers: above every system call's number.
#define BT_HANDLER_COUNT 512

#ifndef __ASSEMBLER__
#include <signal.h>

#include <cstdint>

#include "agent/agent.h"
#include "agent/kernel_signal.h"

namespace bt::hooks {
struct Thread;
}

namespace bt::agent {

inline constexpr uint64_t kStackSizeBytes = 128 * 1024;

enum class ThreadState : uint32_t {
  kUnseen = 0,  // zero, as TLS begins
  kReady = BT_STATE_READY,
  kFaultsBlocked =
      BT_STATE_FAULTS_BLOCKED,  // ready, but SIGSEGV or SIGBUS is blocked: opened around each call
  kRetired = 3,                 // another task shares this TLS: everything passes through
  kExecuting = 4,  // its execve was passed on; when it calls again, that has failed (execute.cc)
};

enum Attention : uint32_t {
  kAttentionSignal = 1,  // a deferred signal waits in the area
  kAttentionMask = 2,    // the signal mask is to be put back
};

// The program's registers at a call. What the kernel preserves; rbx and r12 to r15 are never changed by us.
struct Frame {
  uint64_t number;
  uint64_t r9, r8, r10, rdx, rsi, rdi, rbp;
  uint64_t after;  // address of the instruction after the site's `syscall`
};
static_assert(sizeof(Frame) == BT_FRAME_SIZE);

// At the top of the private stack, and in one OS page with it.
struct alignas(64) ThreadArea {
  // For a call that returns twice (split.cc): survives what a vfork child does to the stack.
  Frame split;
  uint64_t split_kind;
  uint64_t split_mask;  // the program's mask while signals are blocked around a split call
  Frame* frame;         // of the call being handled
  uint64_t mask;        // the program's mask when a signal was deferred or faults were opened
  ThreadArea* next;     // in the list of all areas; never unlinked
  uint32_t thread_id;   // atomic: 0 free; the owner
  uint32_t pending_signal;
  siginfo_t pending;  // the deferred signal
  // For execve: the new environment, freed when it failed or by the parent of a vfork child.
  void* scratch;
  uint64_t scratch_size;
  ThreadState state_before_exec;
  // While a vfork child of this thread runs, in the memory of its parent: the child's actions are its own.
  bool in_vfork_child;
  ThreadState state_before_vfork;
  KernelSigaction*
      child_actions;  // kSignalsMax + 1; elsewhere, because few threads ever touch them
};

struct ThreadBlock {
  ThreadArea* area;  // also the initial private stack pointer; null until the first call
  ThreadState state;
  uint32_t depth;      // 1 while inside
  uint32_t attention;  // Attention bits, looked at on leaving
  uint32_t reserved;
  hooks::Thread* hooks;  // null until a program has run on this thread
};

extern "C" BT_HIDDEN thread_local constinit ThreadBlock bt_thread;

// The way in for a thread that is not plainly ready. False: pass the call through.
extern "C" BT_HIDDEN bool bt_prepare_thread(const Frame* frame);

// In a fork child: all areas but the caller's are free, and the caller has a new thread id.
void keep_only_this_area();
// The thread wants to be inside no more (exit): its area becomes free.
void release_area();

}  // namespace bt::agent
#endif
