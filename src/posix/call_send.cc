// SPDX-License-Identifier: MIT
// Descriptors that travel: SCM_RIGHTS, and the interfaces that take many calls at once. What the kernel is to hand on must
// be the file itself; we go on serving the number it came from.
#include <sys/socket.h>

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/materialise.h"
#include "posix/process.h"
#include "posix/serve.h"

#include <sys/syscall.h>

namespace bt::posix {

namespace {

constexpr uint64_t kControlMax = 4096;

Result<void> make_rights_real(const char* control, uint64_t size) {
  uint64_t at = 0;
  while (at + sizeof(cmsghdr) <= size) {
    cmsghdr header;
    __builtin_memcpy(&header, control + at, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > size - at) break;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
      uint64_t count = (header.cmsg_len - sizeof header) / sizeof(int32_t);
      for (uint64_t i = 0; i < count; i++) {
        int32_t fd;
        __builtin_memcpy(&fd, control + at + sizeof header + i * sizeof fd, sizeof fd);
        if (fd >= 0 && is_ours(static_cast<uint32_t>(fd)))
          BT_TRY(make_real(*thread_state.files, fd));
      }
    }
    at += (header.cmsg_len + 7) & ~7ull;
  }
  return {};
}

// Anything odd about the message is the kernel's to refuse.
Result<void> inspect_message(uint64_t message_at) {
  msghdr message;
  if (!base::copy_from_user(&message, pointer_of<void>(message_at), sizeof message)) return {};
  if (!message.msg_control || message.msg_controllen < sizeof(cmsghdr)) return {};
  uint64_t size = message.msg_controllen < kControlMax ? message.msg_controllen : kControlMax;
  char control[kControlMax];
  if (!base::copy_from_user(control, message.msg_control, size)) return {};
  return make_rights_real(control, size);
}

bool has_descriptors() { return thread_state.files->high_water != 0; }

}  // namespace

BT_SERVE_DESCRIPTOR(sendmsg) {
  if (is_ours(a)) return -ENOTSOCK;
  if (!has_descriptors()) return kPassthrough;
  auto inspected = inspect_message(b);
  return inspected ? kPassthrough : answer(inspected);
}

BT_SERVE_DESCRIPTOR(sendmmsg) {
  if (is_ours(a)) return -ENOTSOCK;
  if (!has_descriptors()) return kPassthrough;
  constexpr uint64_t kEach = sizeof(msghdr) + 8;
  for (uint64_t i = 0; i < uint_of(c); i++)
    if (auto inspected = inspect_message(b + i * kEach); !inspected) return answer(inspected);
  return kPassthrough;
}

// A ring takes any call on any number at any time: from here on every descriptor is the kernel's.
BT_SERVE_DESCRIPTOR(io_uring_setup) {
  release_pool(*thread_state.files);
  int64_t result =
      base::raw_syscall(SYS_io_uring_setup, static_cast<int64_t>(a), static_cast<int64_t>(b));
  if (result >= 0) stand_aside(SYS_io_uring_setup);
  return result;
}

// Native asynchronous I/O: the control blocks name their descriptors.
BT_SERVE_DESCRIPTOR(io_submit) {
  if (!has_descriptors()) return kPassthrough;
  constexpr uint64_t kDescriptorAt = 20;  // aio_fildes in struct iocb
  for (uint64_t i = 0; i < b && i < 65536; i++) {
    uint64_t block;
    uint32_t fd;
    if (!base::load_user_u64(pointer_of<uint64_t>(c) + i, block)) break;
    if (!base::load_user_u32(pointer_of(block + kDescriptorAt), fd)) break;
    if (!is_ours(fd)) continue;
    // Offsets are in the block, so the kernel's descriptor and ours agree on everything.
    if (auto real = make_real(*thread_state.files, static_cast<int32_t>(fd)); !real)
      return answer(real);
  }
  return kPassthrough;
}

}  // namespace bt::posix
