// SPDX-License-Identifier: MIT
// Requests that wait for an advisory lock (F_SETLKW, flock without LOCK_NB). They must not hold a serving thread, for the
// unlock that ends the wait needs one: all of them wait in one thread here, which tries each again every few milliseconds (a
// holder may unlock in-process, where nobody tells us) and at once when the kernel path unlocks anything.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

#include "engine/descriptions.h"
#include "fuse/protocol.h"

namespace bt::fuse {

class LockWaiters {
 public:
  LockWaiters(engine::Volume& volume, format::SessionIndex session);
  ~LockWaiters();
  LockWaiters(const LockWaiters&) = delete;
  LockWaiters& operator=(const LockWaiters&) = delete;

  // Takes over the request: it is answered when the lock is had, or with EINTR when its process is interrupted.
  void wait(fuse_req_t request, format::InodeNumber inode, const engine::LockOwner& owner,
            const engine::LockRange& range);
  // Something was unlocked.
  void wake();

 private:
  struct Waiter {
    fuse_req_t request;
    format::InodeNumber inode;
    engine::LockOwner owner;
    engine::LockRange range;
    bool interrupted = false;  // guarded by interrupt_mutex_
    LockWaiters* all;
  };
  static void interrupt(fuse_req_t request, void* waiter);
  void run();
  void try_all(engine::Context& context);

  engine::Volume& volume_;
  format::SessionIndex session_;
  // Two mutexes: libfuse calls interrupt() with its request's lock held, and takes that lock in replies.
  std::mutex mutex_;            // list, stop
  std::mutex interrupt_mutex_;  // Waiter::interrupted
  std::condition_variable changed_;
  std::list<Waiter> waiters_;
  bool woken_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace bt::fuse
