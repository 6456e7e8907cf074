// SPDX-License-Identifier: MIT
// One worker's life with the kernel: a libfuse session over the saved connection, threads that each hold an engine slot and
// serve requests one at a time, and what those threads share. docs/daemon.md follows a request through it.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/operations.h"
#include "fuse/channel.h"
#include "fuse/hidden.h"
#include "fuse/listing_hints.h"
#include "fuse/lock_waiters.h"
#include "fuse/shared_offsets.h"
#include "metrics/meter.h"

namespace bt::fuse {

class Server;

// What the thread that serves requests has at hand; thread-local because libfuse's handlers take no such argument.
struct ServingThread {
  Server* server = nullptr;
  engine::Thread engine;
  uint64_t unique = 0;       // of the request being served
  std::vector<char> buffer;  // for data on its way; grows to the largest read
};
ServingThread& serving_thread();

class Server {
 public:
  struct Options {
    bool default_permissions = false;
    bool allow_other = false;
    bool no_atime = false;
    uint32_t threads = 4;
  };
  Server(engine::Volume& volume, engine::Thread& main_thread, int device, SharedPage& page,
         const Options& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Makes the libfuse session and gets INIT behind us: the kernel's own, or the saved one. False: it cannot serve.
  bool begin();
  // Whether the kernel has this inode in memory; drops its cached attributes. Not from a serving thread, nor under a lock.
  bool kernel_knows(format::InodeNumber inode);
  // Serves until the mount is gone. The calling thread waits.
  void run();

  engine::Volume& volume() { return volume_; }
  const Options& options() const { return options_; }
  Channel& channel() { return channel_; }
  PendingOpens& pending_opens() { return pending_opens_; }
  SharedOffsets& shared_offsets() { return shared_offsets_; }
  LockWaiters& lock_waiters() { return *lock_waiters_; }
  SharedPage& page() { return page_; }

  // What the dead worker's threads committed last: request → bytes written or inode granted. Before begin().
  void collect_stamps();
  // Whether this request (its number as the kernel sent it) was executed by a worker that died before answering;
  // `result`: bytes written.
  bool was_executed(uint64_t unique, uint64_t& result) const;
  // The same for a reference of the kernel that was counted for it.
  bool was_granted(uint64_t unique, format::InodeNumber& inode) const;
  ListingHints& listing_hints() { return listing_hints_; }

 private:
  void serve();
  void serve_message(ServingThread& thread, fuse_buf& message);

  engine::Volume& volume_;
  engine::Thread& main_thread_;
  SharedPage& page_;
  Options options_;
  Channel channel_;
  fuse_session* session_ = nullptr;
  PendingOpens pending_opens_;
  SharedOffsets shared_offsets_;
  ListingHints listing_hints_;
  std::unique_ptr<LockWaiters> lock_waiters_;
  std::unordered_map<uint64_t, uint64_t> stamps_;
  std::vector<std::thread> threads_;
};

}  // namespace bt::fuse
