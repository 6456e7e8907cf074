// SPDX-License-Identifier: MIT
// The daemon's half of origin/watch.h: one thread that reads the events and marks what they speak of. Names are compared with
// the source's: our own changes come as events too, and are found to be here already.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "origin/directory.h"

struct inotify_event;

namespace bt::origin {

class Watcher {
 public:
  // instance: the inotify instance, not blocking. session: the daemon's.
  Watcher(engine::Volume& volume, format::SessionIndex session, int instance);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  void run();
  // True: something was marked, and a new epoch is due.
  bool read_news(engine::Context& context);
  void handle(engine::Context& context, const inotify_event& event);
  void handle_name(engine::Context& context, engine::InodeNumber directory, const char* name,
                   uint32_t mask);
  void compare_names(engine::Context& context);
  void learn_watches();
  void learn_all_watches();
  void learn(format::InodeIndex index);
  void doubt_everything(engine::Context& context, bool names_too);
  // News of attributes: where they are too many, and where they are wanted yet (origin/watch.h).
  void look_whether_busy(engine::InodeNumber directory, const format::DirectoryPart& part);
  void leave_busy(engine::Context& context);
  bool end_busy(engine::Context& context, engine::InodeNumber directory, uint32_t& changes_before);
  void end_of_second(engine::Context& context);
  bool is_at_rest();
  void ask_for_more(engine::Context& context);

  engine::Volume& volume_;
  format::SessionIndex session_;
  int instance_;
  uint32_t learnt_ = 0;    // of superblock.watched_count
  bool searched_ = false;  // all inodes were looked at in this round
  std::unordered_map<int, engine::InodeNumber> directories_;               // by watch
  std::unordered_map<uint64_t, std::unordered_set<std::string>> renamed_;  // of this round
  std::vector<engine::InodeNumber> told_of_names_;       // directories, since their listing
  uint32_t watched_before_ = 0;                          // superblock.watched_count when it looked
  std::unordered_map<uint64_t, uint32_t> own_changes_;   // of a directory, when this second began
  std::unordered_set<uint64_t> busy_;                    // of this round
  std::unordered_map<uint64_t, uint32_t> not_told_now_;  // and their own_changes a second ago
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace bt::origin
