// SPDX-License-Identifier: MIT
// Memory before it is needed. A miss puts what it found into parts of the volume that nobody has used yet; the kernel gives each
// of their pages when it is first touched, which costs more than the rest of the miss. A thread of the daemon touches them some
// way ahead, so that programs find memory there: they take 16 pages with one fault (base::touch), for about an eighth.
//
// How far ahead: a quarter of what is in use, within bounds, and not while memory is short. What is ahead and never used is
// memory that the volume holds for nothing; it is no part of the cache's budget.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "engine/volume.h"

namespace bt::origin {

// One table of the volume, of which the records below `*fresh` were handed out.
struct Table {
  const format::Region* region;
  uint64_t record_bytes;
  const uint32_t* fresh;
  uint64_t ahead_max;  // bytes
};
// Bytes of the table, from its start, that are to have memory. limit: of the table's bytes, whatever is in use.
uint64_t wanted_bytes(const Table& table, uint64_t limit);

class Ahead {
 public:
  explicit Ahead(engine::Volume& volume);
  ~Ahead();
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  const std::atomic<bool>& allowed() const { return allowed_; }
  void allow(bool allowed) { allowed_.store(allowed, std::memory_order_relaxed); }

 private:
  void run();
  // True: there was something to do.
  bool step(const Table& table, uint64_t limit, uint64_t& done);

  engine::Volume& volume_;
  std::atomic<bool> allowed_{true};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace bt::origin
