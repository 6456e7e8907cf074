// SPDX-License-Identifier: MIT
#include "fuse/housekeeper.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "fuse/log.h"
#include "registry/writer.h"

namespace bt::fuse {

using format::SessionIndex;
using format::SessionRecord;

void end_session(engine::Context& context, SessionIndex session) {
  engine::condemn_session(context.volume(), session);
  engine::sweep_slots(context.thread);
  if (auto closed = engine::close_session(context, session); !closed)
    BT_LOG(kError, "session %u is not closed: %s", raw(session), closed.error().text());
}

bool session_is_alive(const SessionRecord& session) {
  uint64_t started = registry::process_start_time(session.pid);
  return started != 0 && started == session.start_time;
}

Housekeeper::Housekeeper(engine::Volume& volume, SessionIndex session, pid_t supervisor,
                         void (*orphaned)(void*), void* argument)
    : volume_(volume),
      session_(session),
      supervisor_(supervisor),
      orphaned_(orphaned),
      argument_(argument),
      thread_([this] { run(); }) {}

Housekeeper::~Housekeeper() {
  stop_.store(true);
  thread_.join();
  for (auto& [index, watched] : watched_) close(watched.pidfd);
}

void Housekeeper::watch_new_sessions() {
  uint32_t used = volume_.sessions_used();
  for (uint32_t i = 1; i < used; i++) {
    const SessionRecord* session = volume_.session(SessionIndex{i});
    if (!session || SessionIndex{i} == session_) continue;
    uint32_t state = __atomic_load_n(&session->state, __ATOMIC_ACQUIRE);
    auto found = watched_.find(i);
    bool is_known = found != watched_.end() && found->second.generation == session->generation &&
                    found->second.pid == session->pid;
    if (found != watched_.end() && (state == format::kSessionFree || !is_known)) {
      close(found->second.pidfd);
      watched_.erase(found);
    }
    if (state == format::kSessionFree || is_known) continue;
    // The descriptor first, then the check: it then stands for the process that was checked.
    int pidfd = static_cast<int>(syscall(SYS_pidfd_open, session->pid, 0));
    if (pidfd >= 0 && session_is_alive(*session)) {
      watched_[i] = {pidfd, session->pid, session->generation};
      continue;
    }
    if (pidfd >= 0) close(pidfd);
    // Out of descriptors says nothing about the process.
    if (pidfd >= 0 || errno == ESRCH) dead_.push_back(i);
  }
}

void Housekeeper::wait() {
  std::vector<pollfd> polled;
  std::vector<uint32_t> indexes;
  for (auto& [index, watched] : watched_) {
    polled.push_back({watched.pidfd, POLLIN, 0});
    indexes.push_back(index);
  }
  if (poll(polled.data(), polled.size(), kSweepEveryMs) <= 0) return;
  for (size_t i = 0; i < polled.size(); i++)
    if (polled[i].revents) dead_.push_back(indexes[i]);
}

void Housekeeper::end_dead_sessions(engine::Context& context) {
  for (uint32_t index : dead_) {
    auto found = watched_.find(index);
    if (found != watched_.end()) {
      const SessionRecord* session = volume_.session(SessionIndex{index});
      bool is_same = session && session->generation == found->second.generation &&
                     session->pid == found->second.pid;
      close(found->second.pidfd);
      watched_.erase(found);
      // exec, or another process has the record by now: it is looked at afresh in the next round.
      if (!is_same) continue;
    }
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

void Housekeeper::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  if (auto attached = engine::attach_thread(thread, session_); !attached) {
    BT_LOG(kError, "no thread slot for housekeeping: %s", attached.error().text());
    return;
  }
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  while (!stop_.load()) {
    wait();
    if (getppid() != supervisor_) {
      orphaned_(argument_);
      break;
    }
    engine::sweep_slots(thread);
    watch_new_sessions();
    end_dead_sessions(context);
    report_damage();
  }
  engine::detach_thread(thread);
}

}  // namespace bt::fuse
