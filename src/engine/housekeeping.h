// SPDX-License-Identifier: MIT
// Transactions that the engine runs on its own account, between those of an operation: they must not be taken for the FUSE
// request that the thread executes (Thread::request).
#pragma once

#include "engine/thread.h"

namespace bt::engine {

class Housekeeping {
 public:
  explicit Housekeeping(Thread& thread) : thread_(thread), request_(thread.request) {
    thread.request = 0;
  }
  ~Housekeeping() { thread_.request = request_; }
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  Thread& thread_;
  uint64_t request_;
};

}  // namespace bt::engine
