// SPDX-License-Identifier: MIT
// What every operation needs besides its arguments: the volume, this thread's slot in it, and for whom it is done.
#pragma once

#include "engine/volume.h"
#include "shm/token.h"

namespace bt::engine {

// Whose rights an operation has; the caller keeps it true (posix re-reads it after set*id; fuse fills it per request).
struct Credentials {
  uint32_t uid = 0;  // file system uid
  uint32_t gid = 0;
  const uint32_t* groups = nullptr;
  uint32_t group_count = 0;
  // Fetches the groups when they are first needed; nullptr: they are there. The daemon must read /proc for them.
  const uint32_t* (*load_groups)(const Credentials& credentials, uint32_t& count) = nullptr;
  bool dac_override = false;  // CAP_DAC_OVERRIDE
  bool dac_read_search = false;
  bool fowner = false;     // CAP_FOWNER
  bool chown = false;      // CAP_CHOWN
  bool fsetid = false;     // CAP_FSETID
  bool mknod = false;      // CAP_MKNOD
  bool sys_admin = false;  // CAP_SYS_ADMIN: trusted.*, security.* attributes
  // The daemon when the kernel has checked already (default_permissions): skips permission checks.
  bool trusted = false;
};

// One thread's attachment to one volume. The slot is claimed by attach_thread (shm/token.h tells how it dies with us). Stays
// where it is, and is touched by its own thread only, until detach_thread or the end of the thread.
struct Thread {
  Volume* volume = nullptr;
  SlotRecord* slot = nullptr;
  SlotIndex slot_index = SlotIndex::kNone;
  metrics::Block* block = nullptr;  // the slot's counters
  SessionIndex session = SessionIndex::kNone;
  uint64_t tag = 0;  // what locks carry while this thread holds them
  uint32_t thread_id = 0;
  // The FUSE request being executed: a committing transaction stamps it into the slot, so that a restarted daemon knows what
  // was done (docs/daemon.md). 0: none, and while the engine runs transactions of its own (allocator, reclaim, recovery).
  uint64_t request = 0;
  // Locks at the bottom of slot->held that outlive transactions: 1 inside an OffsetLock.
  uint32_t held_base = 0;
  // The origin's own work: operations do not ask it (engine/origin.h).
  bool origin_at_work = false;
  // Serves requests of the kernel, which keeps pages of its own in step with them (engine/kernel_pages.h).
  bool serves_kernel = false;
  // The origin's number of the inode that is made next, while the origin makes one here.
  uint64_t origin_number = 0;
  // 160 KiB of private memory for the origin's work, made when it is first needed; nullptr until then.
  char* origin_scratch = nullptr;
  shm::RobustList robust;
};

struct Context {
  Thread& thread;
  const Credentials& credentials;
  Volume& volume() const { return *thread.volume; }
};

// Claims a session for process `pid` (start time in clock ticks, /proc/PID/stat field 22) and a slot for the calling
// thread, whose thread.volume the caller has set. EAGAIN (session_table_full, slot_table_full), ENOTSUP (no_robust_list),
// EIO.
Result<SessionIndex> open_session(Thread& thread, uint32_t pid, uint64_t start_time, uint32_t uid);
// A slot for the calling thread in `session`. thread.volume is set by the caller.
Result<void> attach_thread(Thread& thread, SessionIndex session);
// Gives the slot back: before unmapping, or when a thread wants no more. Its free lists go to the pools.
void detach_thread(Thread& thread);
// Drops every reference of the session (descriptors, cwd, POSIX locks) and frees it. By its own process at stand-aside,
// or by the daemon when pid and start time are gone. Restartable: a kill inside leaves a session that can be closed again.
Result<void> close_session(Context& context, SessionIndex session);

// The daemon's sweep: recovers every dead slot; how many.
uint32_t sweep_slots(Thread& thread);
// Rolls back the transaction of a dead slot and frees its locks; true when it was dead and is repaired now.
bool recover_slot(Thread& thread, SlotIndex dead);
// Daemon: marks all slots of a session whose process is known dead (pidfd) though the kernel has not marked them.
void condemn_session(Volume& volume, SessionIndex session);

}  // namespace bt::engine
