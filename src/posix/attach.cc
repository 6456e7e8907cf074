// SPDX-License-Identifier: MIT
// The start of a process: which volumes there are, whether an earlier image of this process left descriptors behind, and
// where we stand.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "base/syscall.h"
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

// The value of NAME= in the environment; nullptr when it is not there.
const char* variable(char** environment, const char* name) {
  for (; *environment; environment++) {
    const char *at = *environment, *with = name;
    while (*with && *at == *with) at++, with++;
    if (!*with) return at;
  }
  return nullptr;
}

bool map_mount(const registry::MountRecord& record) {
  auto fd = registry::open_volume(record);
  if (!fd) return false;
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

void map_mounts(char** environment) {
  uint32_t uid = static_cast<uint32_t>(raw_syscall(SYS_geteuid));
  char directory[registry::kDirectoryBytes];
  if (!registry::run_directory(environment, uid, directory)) return;
  auto count = registry::read_mounts(directory, uid, records, kMountsMax);
  const char* only = variable(environment, "BTFUSE_ONLY=");
  for (uint32_t i = 0; i < count.value_or(0); i++) {
    if (only && *only &&
        !base::equal(base::text_of(only), {records[i].mount_point, records[i].mount_point_size}))
      continue;
    map_mount(records[i]);
  }
}

// The directories behind volumes: their descriptors go where the program does not look.
void hide_sources(Files& files) {
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

// Is there a session of this process number in execve? Looked at before the start time is read, which is dear.
bool awaits_claim(const Mount& mount, uint32_t pid) {
  for (uint32_t i = 1; i < mount.volume.sessions_used(); i++) {
    const engine::SessionRecord* record = mount.volume.session(engine::SessionIndex{i});
    if (record && __atomic_load_n(&record->state, __ATOMIC_RELAXED) == format::kSessionExec &&
        __atomic_load_n(&record->pid, __ATOMIC_RELAXED) == pid)
      return true;
  }
  return false;
}

void claim_sessions(ThreadState& self) {
  uint32_t pid = static_cast<uint32_t>(raw_syscall(SYS_getpid));
  for (uint32_t i = 0; i < mount_count; i++) {
    Mount& mount = mounts[i];
    if (!awaits_claim(mount, pid)) continue;
    engine::Thread& thread = self.engine[i];
    thread = {};
    thread.volume = &mount.volume;
    auto session = engine::claim_session(thread, pid, process_identity(*self.files).start_time);
    if (!session || *session == engine::SessionIndex::kNone) continue;
    self.files->session[i] = *session;
    self.attached |= 1u << i;
    take_over_descriptors(self, mount, *session);
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

}  // namespace

void begin_service() {
  first_look.table = process_files.table;
  set_prefix();
  hide_sources(process_files);
  thread_started();
  int64_t mask = raw_syscall(SYS_umask, 0);
  raw_syscall(SYS_umask, mask);
  set_umask(static_cast<uint32_t>(mask));
  read_file_size_limit();
  claim_sessions(thread_state);
  if (!working_directory().mount) find_working_directory();
  first_look.attached = 1;
}

bool attach_process(char** environment) {
  map_mounts(environment);
  if (mount_count == 0) return false;
  begin_service();
  return true;
}

}  // namespace bt::posix
