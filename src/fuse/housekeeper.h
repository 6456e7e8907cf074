// SPDX-License-Identifier: MIT
// The worker's background thread: repairs what dead threads left, ends the sessions of dead processes, frees orphans, gives
// page memory back to the machine, and ends the mount when the supervisor is gone. Nothing here is needed for an operation to
// be right: whoever meets a dead owner's lock repairs it himself. It only bounds how long leftovers stay.
#pragma once

#include <poll.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "engine/thread.h"

namespace bt::fuse {

inline constexpr int kSweepEveryMs = 100;

class Housekeeper {
 public:
  // supervisor: its pid; when it is no longer our parent, `orphaned` is called once, on this thread.
  Housekeeper(engine::Volume& volume, format::SessionIndex session, pid_t supervisor,
              void (*orphaned)(void*), void* argument);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  struct Watched {
    int pidfd;
    uint32_t pid;
    uint32_t generation;
  };
  void run();
  void watch_new_sessions();
  void end_dead_sessions(engine::Context& context);
  void wait();
  void report_damage();

  engine::Volume& volume_;
  format::SessionIndex session_;
  pid_t supervisor_;
  void (*orphaned_)(void*);
  void* argument_;
  std::map<uint32_t, Watched> watched_;  // by session index
  std::vector<uint32_t> dead_;           // session indexes
  bool reported_damage_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Ends a session whose process is gone.
void end_session(engine::Context& context, format::SessionIndex session);
// Whether the process that the session names still runs.
bool session_is_alive(const format::SessionRecord& session);

}  // namespace bt::fuse
