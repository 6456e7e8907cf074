// SPDX-License-Identifier: MIT
// Fetching ahead: a thread of the daemon lists directories, asks for attributes and brings small files before the program that
// is walking there comes to them. Programs say what they are about to want (origin/habit.h); the newest request is the most
// urgent, for a walk goes down. When there is none it goes on where the walk will be next: down into what it has listed, in the
// order of the listings.
//
// The program goes through a directory from its front. So the thread takes a chunk of entries at a time, and each chunk from its
// end: the two meet in the middle and nothing is fetched twice. Bounds: of what was fetched in the last second no more than
// kUnusedMax and as many as were used may be unused; nothing is thrown out for what nobody asked for; nothing while memory is short.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "origin/source.h"

namespace bt::origin {

// The order in which entries 0 … count − 1 are fetched, the last to be fetched first (so that it is taken from the back).
std::vector<uint32_t> order_of_fetching(uint32_t count);

class Prefetcher {
 public:
  // session: the daemon's. allowed: false while memory is short.
  Prefetcher(engine::Volume& volume, format::SessionIndex session,
             const std::atomic<bool>& allowed);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

 private:
  struct Entry {
    InodeNumber inode;
    std::string name;
  };
  // One directory whose entries are being fetched.
  struct Task {
    InodeNumber directory;
    uint32_t what;
    bool is_below;          // of a directory that was asked for: goes no deeper
    bool is_begun = false;  // `entries` are those that are still to be looked at
    std::vector<Entry> entries;
    std::vector<InodeNumber> directories;  // among them, if it goes deeper
    SourceFile file;                       // the directory at the source, once it is needed
  };

  void run();
  void rest();
  void take_requests();
  void go_on_below();
  bool may_go_on();
  void step(Context& context);
  void end(Task& task);
  void begin(Context& context, Task& task);
  void fetch(Context& context, Task& task, const Entry& entry);
  void fetch_directory(Context& context, const Task& task, InodeNumber directory);
  void fetch_attributes(Context& context, const Task& task, const Entry& entry);
  void note_fetched(Context& context, InodeNumber inode);

  engine::Volume& volume_;
  format::SessionIndex session_;
  const std::atomic<bool>& allowed_;
  uint32_t taken_ = 0;  // requests
  std::deque<std::unique_ptr<Task>> tasks_;
  std::vector<InodeNumber> later_;  // directories that the walk will come to, the next one last
  uint32_t what_ = 0;               // of the last request
  uint64_t fetched_unasked_ = 0;    // since the last request
  std::chrono::steady_clock::time_point second_began_;
  uint64_t fetched_ = 0, used_before_ = 0;  // in this second; of the counter when it began
  uint64_t count_at_ = 0;                   // fetched, when it looks next how many were used
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace bt::origin
