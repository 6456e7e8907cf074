// SPDX-License-Identifier: MIT
// Calls by which the kernel hands out descriptor numbers: placeholders that are kept back must not be in their way.
#include "posix/serve.h"

namespace bt::posix {

namespace {

int64_t make_room() {
  release_pool(*thread_state.files);
  return kPassthrough;
}

}  // namespace

#define BT_SERVE_ALLOCATING(name) \
  BT_SERVE(name) { return make_room(); }
BT_SERVE_ALLOCATING(socket)
BT_SERVE_ALLOCATING(socketpair)
BT_SERVE_ALLOCATING(accept)
BT_SERVE_ALLOCATING(accept4)
BT_SERVE_ALLOCATING(pipe)
BT_SERVE_ALLOCATING(pipe2)
BT_SERVE_ALLOCATING(eventfd)
BT_SERVE_ALLOCATING(eventfd2)
BT_SERVE_ALLOCATING(epoll_create)
BT_SERVE_ALLOCATING(epoll_create1)
BT_SERVE_ALLOCATING(timerfd_create)
BT_SERVE_ALLOCATING(signalfd)
BT_SERVE_ALLOCATING(signalfd4)
BT_SERVE_ALLOCATING(memfd_create)
BT_SERVE_ALLOCATING(memfd_secret)
BT_SERVE_ALLOCATING(inotify_init)
BT_SERVE_ALLOCATING(inotify_init1)
BT_SERVE_ALLOCATING(userfaultfd)
BT_SERVE_ALLOCATING(pidfd_open)
BT_SERVE_ALLOCATING(pidfd_getfd)
BT_SERVE_ALLOCATING(perf_event_open)
BT_SERVE_ALLOCATING(bpf)
BT_SERVE_ALLOCATING(fanotify_init)
BT_SERVE_ALLOCATING(landlock_create_ruleset)
BT_SERVE_ALLOCATING(mq_open)
BT_SERVE_ALLOCATING(recvmsg)
#undef BT_SERVE_ALLOCATING

// Sockets of the file system are made and found by the kernel, by their path.
BT_SERVE(bind) { return kPassthrough; }
BT_SERVE(connect) { return kPassthrough; }

}  // namespace bt::posix
