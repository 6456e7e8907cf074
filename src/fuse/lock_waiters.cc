// SPDX-License-Identifier: MIT
#include "fuse/lock_waiters.h"

#include <chrono>

#include "fuse/log.h"

namespace bt::fuse {
namespace {
constexpr auto kRetryEvery = std::chrono::milliseconds(3);
}

LockWaiters::LockWaiters(engine::Volume& volume, format::SessionIndex session)
    : volume_(volume), session_(session), thread_([this] { run(); }) {}

LockWaiters::~LockWaiters() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LockWaiters::wait(fuse_req_t request, format::InodeNumber inode,
                       const engine::LockOwner& owner, const engine::LockRange& range) {
  Waiter* waiter;
  {
    std::lock_guard lock(mutex_);
    waiters_.push_back({request, inode, owner, range, false, this});
    waiter = &waiters_.back();
    // Still under mutex_: the waiting thread may not answer (and free) the request before libfuse knows our function.
    fuse_req_interrupt_func(request, interrupt, waiter);
    woken_ = true;
  }
  changed_.notify_all();
}

void LockWaiters::wake() {
  {
    std::lock_guard lock(mutex_);
    if (waiters_.empty()) return;
    woken_ = true;
  }
  changed_.notify_all();
}

void LockWaiters::interrupt(fuse_req_t, void* argument) {
  auto* waiter = static_cast<Waiter*>(argument);
  std::lock_guard lock(waiter->all->interrupt_mutex_);
  // The next round, at most kRetryEvery away, answers: replying from here would deadlock in libfuse.
  waiter->interrupted = true;
}

void LockWaiters::try_all(engine::Context& context) {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    bool interrupted;
    {
      std::lock_guard lock(interrupt_mutex_);
      interrupted = it->interrupted;
    }
    int error = EINTR;
    if (!interrupted) {
      auto result = engine::set_file_lock(context, it->inode, it->owner, it->range);
      error = result ? 0 : result.error().errno_value();
    }
    if (error == EAGAIN) {
      ++it;
      continue;
    }
    // After this no interrupt can reach the waiter: libfuse holds its lock while it calls us.
    fuse_req_interrupt_func(it->request, nullptr, nullptr);
    fuse_reply_err(it->request, error);
    it = waiters_.erase(it);
  }
}

void LockWaiters::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  if (auto attached = engine::attach_thread(thread, session_); !attached) {
    BT_LOG(kError, "no thread slot for waiting locks: %s", describe(attached.error()));
    return;
  }
  engine::Credentials nobody;
  nobody.trusted = true;
  engine::Context context{thread, nobody};
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (waiters_.empty())
      changed_.wait(lock);
    else if (!woken_)
      changed_.wait_for(lock, kRetryEvery);
    woken_ = false;
    try_all(context);
  }
  for (Waiter& waiter : waiters_) fuse_reply_err(waiter.request, EINTR);
  engine::detach_thread(thread);
}

}  // namespace bt::fuse
