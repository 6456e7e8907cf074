// SPDX-License-Identifier: MIT
#include "fuse/worker.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "base/assert.h"
#include "engine/clock.h"
#include "fuse/housekeeper.h"
#include "fuse/kernel_mount.h"
#include "fuse/mount_watcher.h"
#include "fuse/server.h"
#include "metrics/incidents.h"
#include "metrics/meter.h"
#include "origin/keeper.h"
#include "origin/watcher.h"
#include "registry/writer.h"

namespace bt::fuse {
namespace {

void explain(SharedPage& page, const char* what, const char* why) {
  std::snprintf(page.problem, sizeof page.problem, "%s: %s", what, why);
  BT_LOG(kError, "%s: %s", what, why);
}

// A bug of ours ends this worker; the next one starts from what is in the volume.
[[noreturn]] void abort_at_assertion(const char* expression, const char* file, uint32_t line) {
  BT_LOG(kError, "%s:%u: assertion failed: %s", file, line, expression);
  std::abort();
}

// One descriptor a watched process, so as many as we may have.
void raise_descriptor_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

uint32_t thread_count(uint32_t wanted) {
  return wanted ? wanted : std::clamp(2 * std::thread::hardware_concurrency(), 4u, 16u);
}

// What the worker before us left: dead slots are rolled back first, so that stamps tell what was really done. Its session is
// ended here; those of other processes are the housekeeper's, who gives them a grace.
void take_over(engine::Thread& thread, uint32_t former_worker) {
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  uint32_t repaired = engine::sweep_slots(thread);
  uint32_t used = thread.volume->sessions_used();
  for (uint32_t i = 1; i < used && former_worker; i++) {
    SessionView view = view_session(*thread.volume->session(format::SessionIndex{i}));
    if (view.state != format::kSessionFree && view.pid == former_worker && !session_is_alive(view))
      end_session(context, format::SessionIndex{i});
  }
  if (repaired) BT_LOG(kInfo, "%u dead threads repaired", repaired);
  if (!former_worker) return;
  metrics::count_event(*thread.block, metrics::Event::k_worker_restarts);
  metrics::note_incident(thread.volume->control(), metrics::IncidentKind::kWorkerRestarted,
                         former_worker, static_cast<uint32_t>(getpid()), repaired);
}

void supervisor_is_gone(void* argument) {
  const Mount& mount = *static_cast<const Mount*>(argument);
  BT_LOG(kError, "the supervisor is gone: unmounting");
  abandon_mount(mount);
  _exit(0);
}

// The first worker of a volume makes its root the source's.
Result<void> adopt_source(const Mount& mount, engine::Volume& volume, engine::Thread& thread) {
  format::Superblock& superblock = volume.superblock();
  if (superblock.origin_mode != 0) return {};
  superblock.origin_epoch = mount.origin.valid_ms ? 1 : 0;
  superblock.dirty_pages_max = origin::dirty_pages_max(volume, mount.origin);
  // Before anybody is served: who lists what is larger must not wait for the keeper to say so.
  origin::set_budget(volume, mount.origin.cache_max);
  superblock.origin_watched = mount.origin.watch >= 0;
  // Only what a watch vouches for is believed long enough to be of use to who comes later.
  superblock.ahead_allowed = mount.origin.prefetch && mount.origin.watch >= 0;
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  BT_TRY(origin::adopt_root(context));
  superblock.origin_mode = 1;
  return {};
}

bool kernel_knows(void* server, format::InodeNumber inode) {
  return static_cast<Server*>(server)->kernel_knows(inode);
}

int serve(const Mount& mount, SharedPage& page, pid_t supervisor, engine::Volume& volume,
          engine::Thread& thread) {
  engine::publish_coarse_time(thread);
  Server::Options options;
  options.default_permissions = mount.options.default_permissions;
  options.allow_other = mount.options.allow_other;
  options.no_atime = mount.options.volume_options & format::kOptionNoAtime;
  options.threads = thread_count(mount.threads);
  Server server(volume, thread, mount.device, page, options);
  bool is_restart = page.init_answered.load();
  server.collect_stamps();
  if (!server.begin()) {
    explain(page, mount.mount_point.c_str(), "the connection to the kernel does not start");
    return kWorkerCannotServe;
  }
  if (is_restart) {
    if (auto resent = server.channel().resend_requests(); !resent) {
      explain(page, "requests in flight cannot be had again", describe(resent.error()));
      return kWorkerCannotServe;
    }
  }
  BT_LOG(kInfo, "worker %u serves %s, %u threads, protocol 7.%u", page.generation.load(),
         mount.mount_point.c_str(), options.threads, page.protocol_minor.load());
  // Node ids are inode numbers.
  auto let_forget = [&](const uint64_t* inodes, uint32_t count) {
    (void)server.channel().prune(inodes, count).has_value();
  };
  Housekeeper housekeeper(volume, mount.volume.file, thread.session, supervisor, supervisor_is_gone,
                          const_cast<Mount*>(&mount), is_restart ? kernel_knows : nullptr, &server,
                          let_forget);
  MountWatcher mounts(volume, thread.session, mount.mount_point);
  std::optional<origin::Keeper> keeper;
  if (mount.origin.source >= 0) keeper.emplace(volume, thread.session, mount.origin, let_forget);
  std::optional<origin::Watcher> watcher;
  if (mount.origin.watch >= 0) watcher.emplace(volume, thread.session, mount.origin.watch);
  server.run();
  return 0;
}

}  // namespace

int run_worker(const Mount& mount, SharedPage& page, pid_t supervisor) {
  open_log(mount.log_file, mount.log_level, "worker");
  // The terminal's signals are the supervisor's business.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  base::assertion_handler = abort_at_assertion;
  raise_descriptor_limit();
  engine::Volume volume;
  if (auto mapped = map_volume(mount.volume, volume); !mapped) {
    explain(page, "the volume cannot be mapped", describe(mapped.error()));
    return kWorkerCannotServe;
  }
  engine::Thread thread;
  thread.volume = &volume;
  auto pid = static_cast<uint32_t>(getpid());
  auto session = engine::open_session(thread, pid, registry::process_start_time(pid), geteuid());
  if (!session) {
    explain(page, "no session", describe(session.error()));
    return kWorkerCannotServe;
  }
  uint32_t former = __atomic_exchange_n(&volume.superblock().daemon_pid, pid, __ATOMIC_ACQ_REL);
  static origin::Source source;
  if (mount.origin.source >= 0) {
    source.root = mount.origin.source;
    source.watch = mount.origin.watch;
    origin::install(volume, source);
    // Each request brings its caller's mask, which alone holds for what is made at the source.
    umask(0);
    if (auto adopted = adopt_source(mount, volume, thread); !adopted) {
      explain(page, "the source directory", describe(adopted.error()));
      return kWorkerCannotServe;
    }
  }
  take_over(thread, former);
  int status = serve(mount, page, supervisor, volume, thread);
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  (void)engine::close_session(context, *session);
  BT_LOG(kInfo, "worker ends, status %d", status);
  return status;
}

void mark_volume_gone(const VolumeFile& file) {
  void* memory =
      mmap(nullptr, format::kSuperblockSizeBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.file, 0);
  if (memory == MAP_FAILED) return;
  __atomic_store_n(&static_cast<format::Superblock*>(memory)->state, format::kVolumeGone,
                   __ATOMIC_RELEASE);
  munmap(memory, format::kSuperblockSizeBytes);
}

void abandon_mount(const Mount& mount) {
  mark_volume_gone(mount.volume);
  // Only our own mount: by now somebody may have mounted something else there.
  std::string why;
  if (device_of_mount(mount.mount_point) != 0 &&
      kernel_unmount(mount.mount_point, Unmount::kLazy, why) != 0)
    BT_LOG(kError, "unmounting %s: %s", mount.mount_point.c_str(), why.c_str());
  (void)registry::remove_mount(mount.run_directory, mount.volume.id);
}

}  // namespace bt::fuse
