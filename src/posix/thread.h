// SPDX-License-Identifier: MIT
// What posix keeps per thread, and how a handler gets from a descriptor or a mount to an engine context. A thread claims
// its slot in a volume when it first needs one.
#pragma once

#include "engine/data.h"
#include "engine/descriptions.h"
#include "posix/answer.h"
#include "posix/files.h"
#include "posix/path_cache.h"

namespace bt::posix {

inline constexpr int32_t kThreadGroupsMax = 32;

// What `btfuse trace` shows of a call; filled only while somebody traces.
inline constexpr uint32_t kTracedPathBytes = 136;
struct TracedFacts {
  int32_t fd =
      0;  // -1: none. Like all of ThreadState it begins as zero: no image of it is kept, read at every start
  uint32_t path_size = 0;  // of the whole path, though only its end is kept
  uint64_t inode = 0;
  char path[kTracedPathBytes] = {};
};

struct ThreadState {
  Files* files;
  uint32_t attached;           // bit per mount: engine[] holds a live slot
  uint32_t credentials_epoch;  // of which state of the process credentials were read; 0 = never
  uint32_t
      not_allowed;    // bit per mount: this thread's user may not use it (FUSE without allow_other)
  Way passed;         // why this call is handed on, if it is
  bool tracing;       // facts are wanted
  bool stands_aside;  // a vfork child that does not use the volumes any more
  bool
      may_be_stale;  // the call has walked where inodes nobody uses are thrown out, and may find one gone
  // The slot in the volume that this call was found to be about; nullptr: none so far. It has a block.
  engine::Thread* touched;
  // metered.h: the slot that this call is likely to be about, the last call's; it has a block. nullptr: not known, or the call
  // is timed; then what was guessed before, and clock ticks when it began (kTimed, kTraced) or 0.
  engine::Thread* guess;
  engine::Thread* guess_before;
  uint64_t began;
  TracedFacts traced;
  engine::Thread* engine;  // own_engine; a vfork child has its own
  engine::Thread own_engine[kMountsMax];
  engine::Credentials credentials;
  uint32_t groups[kThreadGroupsMax];
  uint32_t real_uid, real_gid;
  PathCache paths;
  void* vfork_frame;  // while a vfork child of this thread runs: what it must not touch (fork.cc)
};
extern thread_local constinit ThreadState thread_state
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

// Slow part of `enter`: claims session and slot, reads credentials.
Result<void> prepare_thread(ThreadState& self, Mount& mount);
// All threads read their credentials anew at their next call.
void forget_credentials();
extern uint32_t credentials_epoch;

// Before any operation on `mount`. not_ours: gone, not allowed, or no slot.
inline Result<void> enter(ThreadState& self, Mount& mount) {
  if ((self.attached >> mount.index & 1) == 0 || self.credentials_epoch != credentials_epoch ||
      (self.not_allowed >> mount.index & 1) != 0 || is_gone(mount)) [[unlikely]]
    return prepare_thread(self, mount);
  self.touched = &self.engine[mount.index];
  return {};
}
// The thread's slots are another's now, or given back.
void forget_slots(ThreadState& self);

inline engine::Context context_of(ThreadState& self, Mount& mount) {
  return engine::Context{self.engine[mount.index], self.credentials};
}

// A descriptor of ours for the length of one call.
struct OpenFile {
  ThreadState* self;
  Mount* mount;
  uint64_t entry;
  engine::DescriptionRecord* description;
  engine::DescriptionIndex index;
  engine::InodeNumber inode;

  engine::Context context() const { return context_of(*self, *mount); }
  uint32_t flags() const { return __atomic_load_n(&description->flags, __ATOMIC_RELAXED); }
  bool is_readable() const { return entry & kEntryReadable; }
  bool is_writable() const { return entry & kEntryWritable; }
  bool is_path_only() const { return entry & kEntryPathOnly; }
  bool is_directory() const { return entry & kEntryDirectory; }
  // Still what it was when the call began? Asked under locks that a close would need.
  bool is_current(uint64_t fd) const { return read_entry(*self->files, fd) == entry; }
  engine::SessionIndex session() const { return self->files->session[mount->index]; }
};
// When the descriptor is not to be served after all: why.
Error why_not_open(ThreadState& self, uint64_t fd, uint64_t entry);
inline Error not_open(ThreadState& self, uint64_t fd, uint64_t entry) {
  Error why = why_not_open(self, fd, entry);
  if (why.code() == 0)
    __builtin_unreachable();  // else the compiler thinks that find_open succeeded
  return why;
}

// not_ours: the kernel's. EBADF: a number we keep back. ENOTCONN: the volume is gone.
[[gnu::always_inline]] inline Result<void> find_open(uint64_t fd, OpenFile& file) {
  ThreadState& self = thread_state;
  uint64_t entry = read_entry(*self.files, static_cast<uint32_t>(fd));
  if ((entry & kEntryOurs) == 0) [[unlikely]]
    return not_open(self, fd, entry);
  Mount& mount = entry_mount(entry);
  if (!enter(self, mount)) [[unlikely]]
    return not_open(self, fd, entry);
  engine::DescriptionIndex index = entry_description(entry);
  engine::DescriptionRecord* description = mount.volume.description(index);
  if (!description) [[unlikely]]
    return error::volume_corrupt;
  file.self = &self;
  file.mount = &mount;
  file.entry = entry;
  file.description = description;
  file.index = index;
  file.inode.value = __atomic_load_n(&description->inode.value, __ATOMIC_ACQUIRE);
  if (self.tracing) [[unlikely]] {
    self.traced.fd = static_cast<int32_t>(fd);
    self.traced.inode = file.inode.value;
  }
  if (!file.is_current(fd)) [[unlikely]]
    return Error(EBADF);
  return {};
}
// The same, but EBADF for O_PATH descriptors, as most calls have it.
[[gnu::always_inline]] inline Result<void> find_usable(uint64_t fd, OpenFile& file) {
  BT_TRY(find_open(fd, file));
  if (file.is_path_only()) return Error(EBADF);
  return {};
}
// Is `fd` a number of ours (or hidden)?
inline bool is_ours(uint64_t fd) {
  return read_entry(*thread_state.files, static_cast<uint32_t>(fd)) & kEntryOurs;
}

}  // namespace bt::posix
