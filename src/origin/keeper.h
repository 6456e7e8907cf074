// SPDX-License-Identifier: MIT
// The daemon's half of a directory origin: one thread that lets what is cached grow old, writes dirty files back in time, and
// keeps the cache within a budget that follows the machine's memory. docs/cache.md, docs/eviction.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "engine/page_return.h"
#include "origin/ahead.h"
#include "origin/directory.h"
#include "origin/prefetcher.h"

namespace bt::origin {

struct Settings {
  int source = -1;             // O_PATH descriptor of the directory; -1: a scratch volume
  int watch = -1;              // inotify instance for its directories; -1: none
  uint32_t valid_ms = 1000;    // how long what is cached is believed; 0: ask each time
  bool write_through = false;  // --sync: nothing stays dirty beyond the write
  bool prefetch = true;        // --no-prefetch: nothing is fetched ahead of need
  uint64_t cache_min = 0, cache_max = 0;  // bytes of data pages
};

// Dirty pages from which on writers push their own files.
uint32_t dirty_pages_max(const engine::Volume& volume, const Settings& settings);

// What the machine has, or what our control groups (memory.high, memory.max) leave of it.
struct Memory {
  uint64_t total, available, excess;  // bytes; excess: beyond a control group's limit already
};
Memory read_memory(const std::string& groups = "/proc/self/cgroup",
                   const std::string& root = "/sys/fs/cgroup");
// The budget for the next half second: larger by a tenth, or, while less than a tenth of the memory is available, what is in use
// now without a fifth or without what is missing, whichever is more.
uint64_t next_budget(uint64_t budget, uint64_t in_use, const Memory& memory,
                     const Settings& settings);

// Inodes, with their names, that a budget of so many bytes has room for: an eighth of it, and three quarters of the volume's.
uint64_t inodes_of_budget(uint64_t budget, uint64_t capacity);

// From now on pages and inodes beyond a budget of so many bytes are thrown out.
void set_budget(engine::Volume& volume, uint64_t bytes);

// Asks the kernel to forget inodes that nobody uses there.
using LetForget = std::function<void(const uint64_t* inodes, uint32_t count)>;

class Keeper {
 public:
  // session: the daemon's.
  Keeper(engine::Volume& volume, format::SessionIndex session, const Settings& settings,
         LetForget let_forget = {});
  // Writes back everything first.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  void run();
  void write_back_old(engine::Context& context);
  void set_budget(uint64_t bytes);
  void keep_inodes(engine::Context& context);
  void let_kernel_forget();
  bool look_at_memory(engine::Context& context, bool is_early);

  engine::Volume& volume_;
  format::SessionIndex session_;
  Settings settings_;
  LetForget let_forget_;
  uint64_t budget_;
  uint64_t looked_at_pages_ = 0;  // in use when the memory was looked at
  Ahead ahead_;
  std::optional<Prefetcher> prefetcher_;
  engine::PageReturn page_return_{256, 0};  // while memory is short, little is kept
  uint32_t round_epoch_ = 0;                // what was not used since goes; 0: no round is on
  int64_t round_began_ns_ = 0;
  bool kernel_was_asked_ = false;  // in this round, to forget
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace bt::origin
