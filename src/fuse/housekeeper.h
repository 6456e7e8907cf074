// SPDX-License-Identifier: MIT
// The worker's background thread: repairs what dead threads left, ends the sessions of dead processes, frees orphans, gives
// page memory back to the machine, has the kernel forget files that are gone, puts full tables into huge pages, and ends the
// mount when the supervisor is gone. Nothing here is needed for an operation to be right: whoever meets a dead owner's lock
// repairs it himself. It only bounds how long leftovers stay.
#pragma once

#include <poll.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "engine/page_return.h"
#include "engine/reclaim.h"
#include "engine/thread.h"
#include "fuse/huge_pages.h"
#include "origin/keeper.h"

namespace bt::fuse {

inline constexpr int kSweepEveryMs = 100;

using origin::LetForget;

// A session record, read whole.
struct SessionView {
  uint32_t state, pid, generation;
  uint32_t heir;  // not 0: in exec
  uint64_t start_time;
};
SessionView view_session(const format::SessionRecord& session);
// Whether the process that the session names still runs.
bool session_is_alive(const SessionView& view);

class Housekeeper {
 public:
  // supervisor: its pid; when it is no longer our parent, `orphaned` is called once, on this thread. is_known: whether the
  // kernel knows an inode, asked of `server` for what a former worker left; null when there was none.
  Housekeeper(engine::Volume& volume, int volume_file, format::SessionIndex session,
              pid_t supervisor, void (*orphaned)(void*), void* argument, engine::IsKnown is_known,
              void* server, LetForget let_forget);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  struct Watched {
    int pidfd;
    uint32_t pid;
    uint32_t generation;
  };
  // A session whose process was not there when we looked: it is ended if that is still so after kGraceMs, for a child that is
  // about to adopt it, or one that is just writing who it is, looks the same.
  struct Suspect {
    uint32_t generation;
    int64_t since_ms;
  };
  // A process may have closed its session before it died, and another have the record: the generation tells.
  struct Dead {
    uint32_t index;
    uint32_t generation;
  };
  void run();
  void watch_new_sessions();
  void end_dead_sessions(engine::Context& context);
  void wait();
  void watch_session(uint32_t index);
  bool is_past_grace(uint32_t index, const SessionView& view);
  void report_damage();
  void free_leftovers(engine::Thread& thread);
  void let_kernel_forget();

  engine::Volume& volume_;
  format::SessionIndex session_;
  pid_t supervisor_;
  void (*orphaned_)(void*);
  void* argument_;
  engine::IsKnown is_known_;
  void* server_;
  LetForget let_forget_;
  uint32_t next_inode_ = 0;               // where let_kernel_forget goes on
  int64_t inodes_begun_ms_ = 0;           // when it last began at the first
  std::map<uint32_t, Watched> watched_;   // by session index
  std::map<uint32_t, Suspect> suspects_;  // by session index
  std::vector<Dead> dead_;
  engine::PageReturn page_return_;
  HugePages huge_tables_;
  bool reported_damage_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Ends a session whose process is gone.
void end_session(engine::Context& context, format::SessionIndex session);

}  // namespace bt::fuse
