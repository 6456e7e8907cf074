// SPDX-License-Identifier: MIT
// exec, standing aside, and the beginnings and ends of threads.
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/materialise.h"
#include "posix/process.h"
#include "posix/thread.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

bool survives(uint64_t entry) { return (entry & kEntryOurs) && !(entry & kEntryCloseOnExec); }

// Placeholders are close-on-exec for the kernel; those the new image is to find are not, from here until exec fails.
void set_survivors(Files& files, int64_t flags) {
  for (uint32_t fd = 0; fd < files.high_water; fd++)
    if (survives(read_entry(files, fd))) raw_syscall(SYS_fcntl, fd, F_SETFD, flags);
}

// The sessions wait for the next image of `pid`; 0: no longer.
void leave_sessions_to(const Files& files, uint32_t pid) {
  for (uint32_t i = 0; i < mount_count; i++)
    if (files.session[i] != engine::SessionIndex::kNone)
      engine::name_heir(mounts[i].volume, files.session[i], pid);
}

bool make_survivors_real(Files& files) {
  bool all = true;
  for (uint32_t fd = 0; fd < files.high_water; fd++)
    if (survives(read_entry(files, fd)))
      all &= make_real(files, static_cast<int32_t>(fd)).has_value();
  return all;
}

}  // namespace

uint32_t any_session() {
  for (uint32_t i = 0; i < mount_count; i++)
    if (thread_state.files->session[i] != engine::SessionIndex::kNone)
      return raw(thread_state.files->session[i]);
  return 0;
}

bool before_exec(bool will_be_served) {
  Files& files = *thread_state.files;
  bool all = will_be_served || make_survivors_real(files);
  set_survivors(files, 0);
  if (will_be_served) leave_sessions_to(files, static_cast<uint32_t>(raw_syscall(SYS_getpid)));
  return all;
}

void failed_exec() {
  Files& files = *thread_state.files;
  leave_sessions_to(files, 0);
  set_survivors(files, FD_CLOEXEC);
}

void keep_mount_roots() {
  Files& files = *thread_state.files;
  if (!__atomic_load_n(&files.high_water, __ATOMIC_RELAXED)) return;
  FilesGuard guard(files);
  for (uint32_t i = 0; i < mount_count; i++) (void)mount_root(files, mounts[i]);
}

namespace {

void detach_slots(ThreadState& self) {
  for (uint32_t i = 0; i < mount_count; i++)
    if (self.attached >> i & 1) engine::detach_thread(self.engine[i]);
  forget_slots(self);
}

// What the first look reads is the parent's too: the child comes to its handlers as before and is refused there.
void leave_volumes(ThreadState& self) {
  detach_slots(self);
  for (uint32_t i = 0; i < mount_count; i++) self.files->session[i] = engine::SessionIndex::kNone;
  self.stands_aside = true;
}

}  // namespace

void stand_aside(uint32_t) {
  ThreadState& self = thread_state;
  release_pool(*self.files);
  hand_all_to_kernel(*self.files);
  if (self.vfork_frame) return leave_volumes(self);
  first_look.attached = 0;
  first_look.announced = 0;
}

void thread_started() {
  ThreadState& self = thread_state;
  if (!self.files) {
    self.files = &process_files;
    self.engine = self.own_engine;
  }
  if (!thread_table) thread_table = self.files->table;
}

// The tokens must go over to the new list.
void robust_list_changed() { detach_slots(thread_state); }

void before_thread_exit() { detach_slots(thread_state); }

SignalDue (*signal_due)() = nullptr;

bool has_had_files() { return __atomic_load_n(&process_files.high_water, __ATOMIC_RELAXED) != 0; }

namespace {

// Locks end with their process, and whoever waits for it may count on that: they do not wait for the daemon to notice.
void close_locked_files(ThreadState& self) {
  Files& files = *self.files;
  for (uint32_t fd = 0; fd < files.high_water; fd++) {
    uint64_t entry = read_entry(files, fd);
    if ((entry & kEntryOurs) == 0) continue;
    Mount& mount = entry_mount(entry);
    const engine::DescriptionRecord* description =
        mount.volume.description(entry_description(entry));
    const engine::InodeRecord* inode =
        description ? mount.volume.inode(description->inode.index()) : nullptr;
    if (!inode ||
        __atomic_load_n(&inode->file_locks, __ATOMIC_RELAXED) == format::FileLockIndex::kNone)
      continue;
    if (!enter(self, mount)) continue;
    engine::Context context = context_of(self, mount);
    (void)engine::close_descriptor(context, files.session[mount.index], static_cast<int32_t>(fd));
  }
}

// The mounts that the process has open descriptors of.
uint32_t mounts_with_files(const Files& files) {
  uint32_t found = 0;
  for (uint32_t fd = 0; fd < files.high_water; fd++) {
    uint64_t entry = read_entry(files, fd);
    if (entry & kEntryOurs) found |= 1u << entry_mount(entry).index;
  }
  return found;
}

// What the daemon would do later, and dearer, since he must find out first who has died. What is mapped stays his as well:
// somebody may be writing there for us until we are gone (io_uring).
void close_session_at_exit(ThreadState& self, Mount& mount) {
  engine::SessionIndex& session = self.files->session[mount.index];
  const engine::SessionRecord* record = mount.volume.session(session);
  if (!record || record->pins != engine::PageIndex::kNone) return;
  engine::Context context = context_of(self, mount);
  if (engine::close_session(context, session)) session = engine::SessionIndex::kNone;
}

}  // namespace

void before_exit(bool is_alone) {
  ThreadState& self = thread_state;
  if (!self.files) return;
  close_locked_files(self);
  if (!is_alone) return;
  // A fork child claims a slot for that only if it shares descriptions: their locks must go when the others close them.
  const uint32_t shared = mounts_with_files(*self.files) & ~self.attached;
  for (uint32_t i = 0; i < mount_count; i++) {
    if (is_gone(mounts[i]) || ((shared >> i & 1) && !enter(self, mounts[i]))) continue;
    if (self.attached >> i & 1) close_session_at_exit(self, mounts[i]);
  }
  detach_slots(self);
}

}  // namespace bt::posix
