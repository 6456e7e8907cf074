// SPDX-License-Identifier: MIT
#include "fuse/channel.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bt::fuse {
namespace {

struct InitRequest {
  fuse_in_header header;
  fuse_init_in body;
};

// Old kernels send less; what they do not send is zero.
InitRequest saved_init(const SharedPage& page) {
  InitRequest request{};
  std::memcpy(&request, page.init_request,
              std::min<size_t>(page.init_size.load(std::memory_order_acquire), sizeof request));
  return request;
}

}  // namespace

void amend_init_reply(const fuse_init_in& offered, fuse_init_out& reply) {
  // set-id bits are cleared by the engine, within the transaction of the write.
  reply.flags |= offered.flags & FUSE_HANDLE_KILLPRIV;
  if (!(offered.flags & FUSE_INIT_EXT)) return;
  reply.flags |= FUSE_INIT_EXT;
  reply.flags2 |= offered.flags2 & kInitDirectIoAllowMmap;
}

Channel::Channel(int device, SharedPage& page)
    : device_(device), page_(page), replay_init_(page.init_size.load() != 0) {}

Result<void> Channel::install(fuse_session* session) {
  fuse_custom_io hooks{};
  hooks.read = read_hook;
  hooks.writev = write_hook;
  // libfuse hands the hooks the user data of the session, which the caller made this channel.
  int result = fuse_session_custom_io(session, &hooks, device_);
  if (result != 0) return Error(-result);
  return {};
}

ssize_t Channel::read_hook(int, void* buffer, size_t size, void* channel) {
  return static_cast<Channel*>(channel)->read(buffer, size);
}
ssize_t Channel::write_hook(int, iovec* parts, int count, void* channel) {
  return static_cast<Channel*>(channel)->write(parts, count);
}

ssize_t Channel::read(void* buffer, size_t size) {
  if (replay_init_) {
    replay_init_ = false;
    InitRequest request = saved_init(page_);
    init_unique_ = request.header.unique;
    size_t bytes = std::min<size_t>(page_.init_size.load(), size);
    std::memcpy(buffer, page_.init_request, bytes);
    return static_cast<ssize_t>(bytes);
  }
  ssize_t got = ::read(device_, buffer, size);
  if (page_.init_size.load(std::memory_order_relaxed) == 0 && got > 0) {
    const auto* header = static_cast<const fuse_in_header*>(buffer);
    if (header->opcode == FUSE_INIT && static_cast<size_t>(got) <= kInitBytesMax) {
      std::memcpy(page_.init_request, buffer, static_cast<size_t>(got));
      page_.init_size.store(static_cast<uint32_t>(got), std::memory_order_release);
      init_unique_ = header->unique;
    }
  }
  return got;
}

ssize_t Channel::write(iovec* parts, int count) {
  const auto* header = static_cast<const fuse_out_header*>(parts[0].iov_base);
  if (init_unique_ == 0 || header->unique != init_unique_) [[likely]]
    return ::writev(device_, parts, count);
  // The reply to INIT, sent by the one thread there is before serving starts.
  init_unique_ = 0;
  InitRequest request = saved_init(page_);
  page_.protocol_minor.store(request.body.minor);
  if (header->error == 0 && count >= 2 && parts[1].iov_len >= sizeof(fuse_init_out))
    amend_init_reply(request.body, *static_cast<fuse_init_out*>(parts[1].iov_base));
  if (page_.init_answered.load()) return static_cast<ssize_t>(header->len);
  ssize_t written = ::writev(device_, parts, count);
  if (written > 0) page_.init_answered.store(1);
  return written;
}

Result<void> Channel::resend_requests() {
  if (page_.protocol_minor.load() < kResendMinor) return Error(ENOTSUP);
  fuse_out_header notice{sizeof(fuse_out_header), static_cast<int32_t>(kNotifyResend), 0};
  if (::write(device_, &notice, sizeof notice) != sizeof notice) return Error(errno);
  return {};
}

Result<void> Channel::prune(const uint64_t* nodes, uint32_t count) {
  if (page_.protocol_minor.load() < kPruneMinor) return Error(ENOTSUP);
  PruneNotice notice{count, 0, 0};
  fuse_out_header header{
      static_cast<uint32_t>(sizeof header + sizeof notice + count * sizeof *nodes),
      static_cast<int32_t>(kNotifyPrune), 0};
  iovec parts[3] = {{&header, sizeof header},
                    {&notice, sizeof notice},
                    {const_cast<uint64_t*>(nodes), count * sizeof *nodes}};
  if (::writev(device_, parts, 3) < 0) return Error(errno);
  return {};
}

Result<void> Channel::reply(uint64_t unique, int error, const void* body, size_t size) {
  fuse_out_header header{static_cast<uint32_t>(sizeof(fuse_out_header) + (error ? 0 : size)),
                         -error, unique};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<void*>(body), size}};
  if (::writev(device_, parts, error || size == 0 ? 1 : 2) < 0) return Error(errno);
  return {};
}

}  // namespace bt::fuse
