// SPDX-License-Identifier: MIT
// The start of a process: which volumes there are, whether an earlier image of this process left descriptors behind, and
// where we stand.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bytes.h"
#include "base/syscall.h"
#include "posix/announce.h"
#include "posix/cwd.h"
#include "posix/identity.h"
#include "posix/process.h"
#include "posix/transfer.h"
#include "posix/walk.h"
#include "registry/reader.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

// Only the pages of mounts that are there are ever touched.
constinit registry::MountRecord records[kMountsMax] = {};

// Volumes are asked for here, far from everything, one after the other. Where the kernel would put them, right below the
// libraries, a volume of 2 GiB or more takes all the room that the agent's stubs could be in reach of libc in.
constexpr uint64_t kVolumesBegin = 0x2000'0000'0000;
constexpr uint64_t kVolumesApart = 1 << 30;
constinit uint64_t next_volume_place = kVolumesBegin;

// Descriptor numbers or memory may be there another time.
bool is_passing(Error error) {
  int value = error.errno_value();
  return value == EMFILE || value == ENFILE || value == ENOMEM;
}

bool map_mount(const registry::MountRecord& record, bool& later) {
  auto fd = registry::open_volume(record);
  if (!fd) {
    later |= is_passing(fd.error());
    return false;
  }
  int64_t memory = raw_syscall(SYS_mmap, static_cast<int64_t>(next_volume_place),
                               static_cast<int64_t>(record.volume_size), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_NORESERVE, *fd, 0);
  next_volume_place += base::align_up(record.volume_size, kVolumesApart);
  raw_syscall(SYS_close, *fd);
  if (memory < 0 && memory > -4096) return false;
  raw_syscall(SYS_madvise, memory, static_cast<int64_t>(record.volume_size), MADV_DONTDUMP);
  MountSource source{reinterpret_cast<void*>(memory),
                     record.volume_size,
                     {record.mount_point, record.mount_point_size},
                     record.kernel_device,
                     &record};
  if (add_mount(source)) {
    Mount& mount = mounts[mount_count - 1];
    if (record.source_descriptor == 0) return true;
    // Without the directory behind it nothing could be served that is not here already: the kernel path does.
    auto opened = registry::open_source(record);
    if (opened) {
      mount.source.root = *opened;
      mount.source.watch = registry::open_watch(record).value_or(-1);
      origin::install(mount.volume, mount.source);
      return true;
    }
    mount_count--;
  }
  raw_syscall(SYS_munmap, memory, static_cast<int64_t>(record.volume_size));
  return false;
}

// False: it could not be tried, and may be again.
bool map_mounts() {
  auto uid = static_cast<uint32_t>(raw_syscall(SYS_geteuid));
  auto count = registry::read_mounts(registry_directory(), uid, records, kMountsMax);
  bool later = !count && is_passing(count.error());
  for (uint32_t i = 0; i < count.value_or(0); i++)
    if (is_announced({records[i].mount_point, records[i].mount_point_size}))
      map_mount(records[i], later);
  return mount_count || !later;
}

// The directories behind volumes: their descriptors go where the program does not look.
void hide_sources(Files& files) {
  FilesGuard guard(files);
  for (uint32_t i = 0; i < mount_count; i++) {
    Mount& mount = mounts[i];
    if (mount.source.root < 0) continue;
    auto hidden = hide_descriptor(files, mount.source.root);
    mount.source.root = hidden ? *hidden : -1;
    if (mount.source.watch < 0) continue;
    hidden = hide_descriptor(files, mount.source.watch);
    mount.source.watch = hidden ? *hidden : -1;
  }
}

// What the previous image of this process left in the session: descriptors that survived exec.
void take_over_descriptors(ThreadState& self, Mount& mount, engine::SessionIndex session) {
  Files& files = *self.files;
  engine::Context context = context_of(self, mount);
  const engine::SessionRecord& record = *mount.volume.session(session);
  for (int32_t fd = engine::next_descriptor(mount.volume, session, 0); fd >= 0;
       fd = engine::next_descriptor(mount.volume, session, fd + 1)) {
    bool close_on_exec = false;
    auto index = engine::find_descriptor(mount.volume, session, fd, close_on_exec);
    const engine::DescriptionRecord* description = mount.volume.description(index);
    if (!description) continue;
    // The program may have closed it behind our back.
    if (raw_syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC) < 0) {
      (void)engine::close_descriptor(context, session, fd);
      continue;
    }
    const engine::InodeRecord* inode = mount.volume.inode(description->inode.index());
    uint32_t flags = description->flags & ~static_cast<uint32_t>(O_CLOEXEC);
    write_entry(files, fd, make_entry(mount, index, flags, inode && S_ISDIR(inode->mode)));
  }
  if (record.cwd) adopt_directory(files, mount, record.cwd);
}

// Sessions that wait for a process of this number.
struct Waiting {
  uint32_t count = 0;
  engine::SessionIndex first = engine::SessionIndex::kNone;
  uint64_t start_time = 0;  // of the first; 0: not in the record
};

// Counts the session if it waits for a process of that number. started: only if the process started then, or it does not
// say; 0: whenever.
void count_if_waiting(const Mount& mount, engine::SessionIndex index, uint32_t pid,
                      uint64_t started, Waiting& waiting) {
  const engine::SessionRecord* record = mount.volume.session(index);
  if (!record || __atomic_load_n(&record->heir, __ATOMIC_ACQUIRE) != pid) return;
  uint32_t state = __atomic_load_n(&record->state, __ATOMIC_RELAXED);
  if (state == format::kSessionFree) return;
  // A clone that nobody has adopted so far carries the parent's.
  uint64_t start_time =
      state == format::kSessionLive ? __atomic_load_n(&record->start_time, __ATOMIC_RELAXED) : 0;
  if (started && start_time && start_time != started) return;
  if (waiting.count++) return;
  waiting.first = index;
  waiting.start_time = start_time;
}

// The one that the image before has named, or else those that a look at all finds: there may have been many.
Waiting find_waiting(const Mount& mount, uint32_t pid, uint64_t started, uint32_t named) {
  Waiting waiting;
  count_if_waiting(mount, engine::SessionIndex{named}, pid, started, waiting);
  if (waiting.count) return waiting;
  for (uint32_t i = 1; i < mount.volume.sessions_used(); i++)
    count_if_waiting(mount, engine::SessionIndex{i}, pid, started, waiting);
  return waiting;
}

// The one that waits says when the process started, which is dear to ask /proc; of two, one is what a dead process of the
// same number has left.
void claim_sessions(ThreadState& self, uint32_t named) {
  Identity& identity = self.files->identity;
  uint32_t pid = static_cast<uint32_t>(raw_syscall(SYS_getpid));
  for (uint32_t i = 0; i < mount_count; i++) {
    Mount& mount = mounts[i];
    Waiting waiting = find_waiting(mount, pid, identity.start_time, named);
    if (waiting.count == 0) continue;
    if (waiting.count == 1 && !identity.start_time) identity.start_time = waiting.start_time;
    uint64_t start_time = process_identity(*self.files).start_time;
    if (waiting.count > 1) waiting = find_waiting(mount, pid, start_time, named);
    if (waiting.count == 0) continue;
    engine::Thread& thread = self.engine[i];
    thread = {};
    thread.volume = &mount.volume;
    if (!engine::claim_session(thread, waiting.first, pid, start_time)) continue;
    self.files->session[i] = waiting.first;
    self.attached |= 1u << i;
    take_over_descriptors(self, mount, waiting.first);
  }
}

void set_prefix() {
  first_look.prefix = 0;
  first_look.prefix_mask = 0;
  if (mount_count != 1) return;
  uint32_t size = mounts[0].path_size < 8 ? mounts[0].path_size : 8;
  for (uint32_t i = 0; i < size; i++) {
    first_look.prefix |= static_cast<uint64_t>(static_cast<uint8_t>(mounts[0].path[i])) << (8 * i);
    first_look.prefix_mask |= 0xffull << (8 * i);
  }
}

// What a process must keep count of from the start.
void begin_process() {
  first_look.table = process_files.table;
  thread_started();
  int64_t mask = raw_syscall(SYS_umask, 0);
  raw_syscall(SYS_umask, mask);
  set_umask(static_cast<uint32_t>(mask));
}

// The mounts are there. inherited: as attach_process is told.
void begin_mounts(uint32_t inherited) {
  set_prefix();
  hide_sources(process_files);
  read_file_size_limit();
  if (inherited) claim_sessions(thread_state, inherited);
  if (!working_directory().mount) find_working_directory();
  __atomic_store_n(&first_look.attached, 1, __ATOMIC_RELEASE);
}

// Of attaching after the start.
uint32_t attaching = 0;  // atomic: 1: a thread is at it; nobody waits for it
uint32_t splits = 0;     // atomic: threads in a fork or vfork that began while nothing was attached

}  // namespace

bool attach_process(char** environment, uint32_t inherited) {
  Announcement announcement = read_announcement(environment);
  if (announcement == Announcement::kNothing) return false;
  begin_process();
  if (announcement == Announcement::kAnnounced && !inherited) {
    first_look.announced = 1;
    return true;
  }
  map_mounts();
  if (mount_count == 0) return false;
  begin_mounts(inherited);
  return true;
}

// A thread that comes while another is at it, or while one forks, has its call passed on.
bool attach_announced() {
  if (__atomic_exchange_n(&attaching, 1, __ATOMIC_ACQUIRE)) return false;
  if (first_look.announced && !__atomic_load_n(&splits, __ATOMIC_SEQ_CST)) {
    if (map_mounts()) first_look.announced = 0;
    if (mount_count) begin_mounts(0);
  }
  __atomic_store_n(&attaching, 0, __ATOMIC_RELEASE);
  return first_look.attached;
}

bool begin_unattached_split() {
  // Asleep, not yielding: the thread that is at it may have a lower priority.
  constexpr timespec kPause = {0, 20'000};
  while (__atomic_exchange_n(&attaching, 1, __ATOMIC_ACQUIRE))
    raw_syscall(SYS_nanosleep, raw_argument(&kPause), 0);
  const bool unattached = !first_look.attached;
  if (unattached) __atomic_fetch_add(&splits, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(&attaching, 0, __ATOMIC_RELEASE);
  return unattached;
}

void end_unattached_split(bool in_fork_child) {
  if (in_fork_child) {
    // Whatever other threads were at is not going on here.
    splits = 0;
    attaching = 0;
  } else {
    __atomic_fetch_sub(&splits, 1, __ATOMIC_SEQ_CST);
  }
}

}  // namespace bt::posix
