// SPDX-License-Identifier: MIT
#include "fuse/housekeeper.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <utility>

#include "engine/clock.h"
#include "engine/reclaim.h"
#include "fuse/log.h"
#include "registry/writer.h"
#include "shm/lock.h"

namespace bt::fuse {
namespace {

constexpr int64_t kGraceMs = 300;
constexpr int64_t kForkGraceMs = 10000;
constexpr int64_t kReturnPagesEveryMs = 1000;
// Orphans taken apart a round, in transactions, so that sweeping a huge file does not keep the rest waiting.
constexpr uint32_t kOrphanTransactions = 2000;
// Inodes looked at in a round: all of a million in some 6 s, for 0.2 ms of each round. Not oftener than once a second.
constexpr uint32_t kInodesLookedAt = 16384;
constexpr int64_t kInodesEveryMs = 1000;
constexpr uint32_t kForgottenAtOnce = 256;

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

using format::SessionIndex;
using format::SessionRecord;

void end_session(engine::Context& context, SessionIndex session) {
  engine::condemn_session(context.volume(), session);
  engine::sweep_slots(context.thread);
  if (auto closed = engine::close_session(context, session); !closed)
    BT_LOG(kError, "session %u is not closed: %s", raw(session), describe(closed.error()));
}

SessionView view_session(const SessionRecord& session) {
  SessionView view{};
  // Bounded: the holder may be dead, and a torn view is looked at again in the next round.
  for (uint32_t attempt = 0; attempt < 100; attempt++) {
    uint64_t seq = shm::read_begin(session.lock);
    view.state = __atomic_load_n(&session.state, __ATOMIC_RELAXED);
    view.pid = __atomic_load_n(&session.pid, __ATOMIC_RELAXED);
    view.generation = __atomic_load_n(&session.generation, __ATOMIC_RELAXED);
    view.heir = __atomic_load_n(&session.heir, __ATOMIC_RELAXED);
    view.start_time = __atomic_load_n(&session.start_time, __ATOMIC_RELAXED);
    if (!shm::read_retry(session.lock, seq)) break;
  }
  return view;
}

bool session_is_alive(const SessionView& view) {
  uint64_t started = registry::process_start_time(view.pid);
  // A forked session has its parent's pid, and no start time of its own yet.
  if (view.state == format::kSessionForking) return started != 0;
  return started != 0 && started == view.start_time;
}

Housekeeper::Housekeeper(engine::Volume& volume, int volume_file, SessionIndex session,
                         pid_t supervisor, void (*orphaned)(void*), void* argument,
                         engine::IsKnown is_known, void* server, LetForget let_forget)
    : volume_(volume),
      session_(session),
      supervisor_(supervisor),
      orphaned_(orphaned),
      argument_(argument),
      is_known_(is_known),
      server_(server),
      let_forget_(std::move(let_forget)),
      huge_tables_(volume_file, volume.geometry().stripes.offset, volume.geometry().pages.offset),
      thread_([this] { run(); }) {}

Housekeeper::~Housekeeper() {
  stop_.store(true);
  thread_.join();
  for (auto& [index, watched] : watched_) close(watched.pidfd);
}

bool Housekeeper::is_past_grace(uint32_t index, const SessionView& view) {
  auto [found, is_new] = suspects_.try_emplace(index, Suspect{view.generation, now_ms()});
  if (!is_new && found->second.generation != view.generation)
    found->second = {view.generation, now_ms()};
  int64_t grace_ms = view.state == format::kSessionForking ? kForkGraceMs : kGraceMs;
  return now_ms() - found->second.since_ms > grace_ms;
}

void Housekeeper::watch_session(uint32_t index) {
  const SessionRecord* session = volume_.session(SessionIndex{index});
  if (!session || SessionIndex{index} == session_) return;
  SessionView view = view_session(*session);
  auto found = watched_.find(index);
  bool is_known = found != watched_.end() && found->second.generation == view.generation &&
                  found->second.pid == view.pid;
  if (found != watched_.end() && (view.state == format::kSessionFree || !is_known)) {
    close(found->second.pidfd);
    watched_.erase(found);
  }
  if (view.state == format::kSessionFree || is_known) {
    suspects_.erase(index);
    return;
  }
  // The descriptor first, then the check: it then stands for the process that was checked.
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, view.pid, 0));
  bool is_nobody =
      pidfd < 0 && errno == ESRCH;  // out of descriptors says nothing about the process
  if (pidfd >= 0 && session_is_alive(view)) {
    // A forking session's pid is the parent's: it is looked at again until the child has adopted it.
    if (view.state == format::kSessionForking)
      close(pidfd);
    else
      watched_[index] = {pidfd, view.pid, view.generation};
    suspects_.erase(index);
    return;
  }
  if (pidfd >= 0) close(pidfd);
  if ((pidfd >= 0 || is_nobody) && is_past_grace(index, view))
    dead_.push_back({index, view.generation});
}

void Housekeeper::watch_new_sessions() {
  uint32_t used = volume_.sessions_used();
  for (uint32_t i = 1; i < used; i++) watch_session(i);
}

void Housekeeper::wait() {
  std::vector<pollfd> polled;
  std::vector<Dead> candidates;
  for (auto& [index, watched] : watched_) {
    polled.push_back({watched.pidfd, POLLIN, 0});
    candidates.push_back({index, watched.generation});
  }
  if (poll(polled.data(), polled.size(), kSweepEveryMs) <= 0) return;
  for (size_t i = 0; i < polled.size(); i++)
    if (polled[i].revents) dead_.push_back(candidates[i]);
}

void Housekeeper::end_dead_sessions(engine::Context& context) {
  for (auto [index, generation] : dead_) {
    auto found = watched_.find(index);
    if (found != watched_.end() && found->second.generation == generation) {
      close(found->second.pidfd);
      watched_.erase(found);
    }
    if (view_session(*volume_.session(SessionIndex{index})).generation != generation) continue;
    suspects_.erase(index);
    BT_LOG(kDebug, "the process of session %u is gone", index);
    end_session(context, SessionIndex{index});
  }
  dead_.clear();
}

void Housekeeper::report_damage() {
  const format::Superblock& superblock = volume_.superblock();
  uint64_t line = __atomic_load_n(&superblock.damage_line, __ATOMIC_ACQUIRE);
  if (line == 0 || reported_damage_) return;
  reported_damage_ = true;
  // Anybody may have written there: it need not end.
  BT_LOG(kError, "volume damaged: found at %.*s:%llu; it refuses changes from now on",
         static_cast<int>(sizeof superblock.damage_file), superblock.damage_file,
         static_cast<unsigned long long>(line));
}

// Once, when the requests that the former worker held have been answered.
void Housekeeper::free_leftovers(engine::Thread& thread) {
  if (!is_known_) return;
  auto freed = engine::free_leftovers(thread, is_known_, server_);
  if (freed && *freed) BT_LOG(kInfo, "%u inodes freed that the former worker left", *freed);
  is_known_ = nullptr;
}

// A file that was removed in-process keeps its pages as long as the kernel knows it, and the kernel, which was not told, would
// do so until memory is short.
void Housekeeper::let_kernel_forget() {
  if (next_inode_ == 0) {
    if (now_ms() - inodes_begun_ms_ < kInodesEveryMs) return;
    inodes_begun_ms_ = now_ms();
    next_inode_ = 1;
  }
  engine::InodeNumber found[kForgottenAtOnce];
  uint64_t numbers[kForgottenAtOnce];
  uint32_t count =
      engine::find_known_leftovers(volume_, next_inode_, kInodesLookedAt, found, kForgottenAtOnce);
  for (uint32_t i = 0; i < count; i++) numbers[i] = found[i].value;
  if (count) let_forget_(numbers, count);
}

void Housekeeper::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  if (auto attached = engine::attach_thread(thread, session_); !attached) {
    BT_LOG(kError, "no thread slot for housekeeping: %s", describe(attached.error()));
    return;
  }
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  int64_t returned_ms = now_ms();
  while (!stop_.load()) {
    wait();
    if (getppid() != supervisor_) {
      orphaned_(argument_);
      break;
    }
    engine::publish_coarse_time(thread);
    engine::sweep_slots(thread);
    watch_new_sessions();
    end_dead_sessions(context);
    (void)engine::sweep_orphans(thread, kOrphanTransactions);
    let_kernel_forget();
    if (now_ms() - returned_ms > kReturnPagesEveryMs) {
      free_leftovers(thread);
      (void)engine::return_free_pages(thread, page_return_);
      (void)huge_tables_.step();
      returned_ms = now_ms();
    }
    report_damage();
  }
  engine::detach_thread(thread);
}

}  // namespace bt::fuse
