// SPDX-License-Identifier: MIT
// The device between libfuse and the kernel. libfuse 3.14 reads and writes it through us, for two reasons: its INIT reply is
// amended with flags it does not know, and a restarted worker is fed the INIT of the first one, whose reply goes nowhere.
#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "base/result.h"
#include "fuse/protocol.h"
#include "fuse/shared_page.h"

namespace bt::fuse {

class Channel {
 public:
  Channel(int device, SharedPage& page);

  // Makes the session use this channel, which must outlive it. EINVAL.
  Result<void> install(fuse_session* session);

  // Has the kernel queue again what the dead worker had read and not answered. Nothing may be reading the device yet.
  Result<void> resend_requests();

  // Asks the kernel to forget nodes that nobody uses; FORGET follows for each. Not from a serving thread, nor under a lock. ENOTSUP:
  // an older kernel.
  Result<void> prune(const uint64_t* nodes, uint32_t count);

  // A reply made by hand, for opcodes that libfuse does not know. error: 0 or a positive errno.
  Result<void> reply(uint64_t unique, int error, const void* body, size_t size);

  int device() const { return device_; }

 private:
  static ssize_t read_hook(int file, void* buffer, size_t size, void* channel);
  static ssize_t write_hook(int file, iovec* parts, int count, void* channel);
  ssize_t read(void* buffer, size_t size);
  ssize_t write(iovec* parts, int count);

  int device_;
  SharedPage& page_;
  bool replay_init_;
  uint64_t init_unique_ = 0;  // of the INIT being answered; 0: done
};

// Adds what we want and libfuse 3.14 cannot ask for to the reply, if `offered` (the request) has it.
void amend_init_reply(const fuse_init_in& offered, fuse_init_out& reply);

}  // namespace bt::fuse
