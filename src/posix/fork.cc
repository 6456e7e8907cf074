// SPDX-License-Identifier: MIT
// fork and vfork. The child's session is cloned before the child exists, so that no reference can be lost between. A
// session that holds nothing is not cloned: the child opens its own when it needs one.
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/identity.h"
#include "posix/materialise.h"
#include "posix/process.h"
#include "posix/thread.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

using Clones = engine::SessionClone[kMountsMax];

bool holds_something(const Mount& mount, engine::SessionIndex index) {
  const engine::SessionRecord* record = mount.volume.session(index);
  return record &&
         (record->descriptor_count || record->cwd || record->pins != engine::PageIndex::kNone);
}

void close_clones(ThreadState& self, Clones& clones) {
  for (uint32_t i = 0; i < mount_count; i++) {
    if (clones[i].index == engine::SessionIndex::kNone || !enter(self, mounts[i])) continue;
    engine::Context context = context_of(self, mounts[i]);
    (void)engine::close_session(context, clones[i].index);
    clones[i] = {};
  }
}

// Copies of this process's sessions for a child. False: one could not be made, none is left.
bool clone_sessions(ThreadState& self, Clones& clones) {
  for (engine::SessionClone& clone : clones) clone = {};
  for (uint32_t i = 0; i < mount_count; i++) {
    engine::SessionIndex own = self.files->session[i];
    if (!holds_something(mounts[i], own)) continue;
    if (enter(self, mounts[i])) {
      engine::Context context = context_of(self, mounts[i]);
      auto cloned = engine::clone_session(context, own);
      if (cloned) {
        clones[i] = *cloned;
        continue;
      }
    }
    close_clones(self, clones);
    return false;
  }
  return true;
}

// Written by the thread that forks, under the files' lock, read on both sides.
constinit Clones fork_clones = {};
uint64_t fork_began;  // boot_ticks(); 0: not looked at

// Of a child whose fork is over; 0: it is not to be known from the clock.
uint64_t child_start_time(uint64_t began) { return began && boot_ticks() == began ? began : 0; }

void adopt_for_child(ThreadState& self, const Clones& clones, uint32_t pid, uint64_t start_time) {
  for (uint32_t i = 0; i < mount_count; i++) {
    if (clones[i].index == engine::SessionIndex::kNone || !enter(self, mounts[i])) continue;
    if (!start_time) start_time = start_time_of(pid);
    engine::Context context = context_of(self, mounts[i]);
    (void)engine::adopt_session(context, clones[i], pid, start_time);
  }
}

void become_child(ThreadState& self, Files& files, uint64_t start_time) {
  forget_slots(self);
  files.identity = {0, start_time};
  for (uint32_t i = 0; i < kMountsMax; i++) files.session[i] = fork_clones[i].index;
}

}  // namespace

bool before_fork() {
  ThreadState& self = thread_state;
  Files& files = *self.files;
  const bool cloned = clone_sessions(self, fork_clones);
  if (!cloned) hand_all_to_kernel(files);
  // Whoever holds the lock at the fork would hold it in the child for ever.
  lock_files(files);
  fork_began = boot_ticks();
  return cloned;
}

void after_fork(int64_t result) {
  ThreadState& self = thread_state;
  Files& files = *self.files;
  const uint64_t start_time = child_start_time(fork_began);
  if (result == 0) become_child(self, files, start_time);
  unlock_files(files);
  if (result > 0) adopt_for_child(self, fork_clones, static_cast<uint32_t>(result), start_time);
  if (result < 0) close_clones(self, fork_clones);
}

namespace {

// A child that shares our memory while this thread waits for it: what of the thread and the process it must not touch.
struct VforkFrame {
  Files files;
  ThreadState saved;
  DescriptorTable* saved_table;
  Clones clones;
  uint64_t began;    // boot_ticks()
  VforkFrame* next;  // of the frames at hand
  engine::Thread engine[kMountsMax];
  DescriptorTable table;
};
static_assert(sizeof(VforkFrame) < 1 << 20);

VforkFrame* frames_at_hand;
uint32_t frames_lock;

class SpinGuard {
 public:
  SpinGuard() {
    while (__atomic_exchange_n(&frames_lock, 1, __ATOMIC_ACQUIRE)) asm volatile("pause");
  }
  ~SpinGuard() { __atomic_store_n(&frames_lock, 0, __ATOMIC_RELEASE); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;
};

VforkFrame* take_frame() {
  {
    SpinGuard guard;
    if (VforkFrame* frame = frames_at_hand) {
      frames_at_hand = frame->next;
      return frame;
    }
  }
  int64_t memory = raw_syscall(SYS_mmap, 0, sizeof(VforkFrame), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory < 0 && memory > -4096 ? nullptr : reinterpret_cast<VforkFrame*>(memory);
}

// Entries are cleared here, so that a frame at hand is an empty table.
void give_frame(VforkFrame* frame) {
  for (uint32_t i = 0; i < frame->files.high_water; i++) frame->table.entry[i] = 0;
  SpinGuard guard;
  frame->next = frames_at_hand;
  frames_at_hand = frame;
}

void copy_files(Files& from, VforkFrame& frame) {
  FilesGuard guard(from);
  frame.files = from;
  frame.files.table = &frame.table;
  frame.files.lock = 0;
  frame.files.identity = {};
  for (uint32_t i = 0; i < from.high_water; i++) frame.table.entry[i] = read_entry(from, i);
}

}  // namespace

bool begin_vfork() {
  ThreadState& self = thread_state;
  VforkFrame* frame = take_frame();
  if (!frame) return false;
  copy_files(*self.files, *frame);
  if (!clone_sessions(self, frame->clones)) {
    give_frame(frame);
    return false;
  }
  for (uint32_t i = 0; i < kMountsMax; i++) frame->files.session[i] = frame->clones[i].index;
  frame->began = boot_ticks();
  frame->saved = self;
  frame->saved_table = thread_table;
  self.vfork_frame = frame;
  self.files = &frame->files;
  self.engine = frame->engine;
  forget_slots(self);
  thread_table = &frame->table;
  return true;
}

// A child that only execs has nothing to do with its sessions: its parent says whose they are.
void child_of_vfork() {
  const auto* frame = static_cast<VforkFrame*>(thread_state.vfork_frame);
  thread_state.files->identity.start_time = child_start_time(frame->began);
}

void end_vfork(int64_t result) {
  ThreadState& self = thread_state;
  VforkFrame* frame = static_cast<VforkFrame*>(self.vfork_frame);
  if (!frame) return;
  self = frame->saved;
  thread_table = frame->saved_table;
  first_look.cwd_is_ours = self.files->cwd.mount != 0;
  first_look.cwd_above_ours = self.files->cwd.above_mount != 0;
  first_look.pool_is_filled = !self.files->pool.is_empty();
  if (result > 0)
    adopt_for_child(self, frame->clones, static_cast<uint32_t>(result),
                    frame->files.identity.start_time);
  if (result < 0) close_clones(self, frame->clones);
  give_frame(frame);
}

}  // namespace bt::posix
