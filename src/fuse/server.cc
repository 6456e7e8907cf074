// SPDX-License-Identifier: MIT
#include "fuse/server.h"

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "fuse/handlers.h"
#include "fuse/log.h"

namespace bt::fuse {
namespace {

// Everything that a hook of libfuse cannot be told by argument.
thread_local ServingThread this_thread;

// What we want of the kernel; docs/coherence.md says why each.
void choose_capabilities(void*, fuse_conn_info* connection) {
  constexpr unsigned kWanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS |
                               FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_DONT_MASK | FUSE_CAP_POSIX_LOCKS |
                               FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_AUTO_INVAL_DATA;
  // Who checks permissions must know the access control lists.
  bool kernel_checks = this_thread.server->options().default_permissions;
  connection->want = connection->capable & (kWanted | (kernel_checks ? FUSE_CAP_POSIX_ACL : 0));
  connection->max_background = 64;
  connection->time_gran = 1;
}

}  // namespace

ServingThread& serving_thread() { return this_thread; }

Server::Server(engine::Volume& volume, engine::Thread& main_thread, int device, SharedPage& page,
               const Options& options)
    : volume_(volume),
      main_thread_(main_thread),
      page_(page),
      options_(options),
      channel_(device, page) {}

Server::~Server() {
  lock_waiters_.reset();
  // Not destroyed: fuse_session_destroy() would close the device, which is the supervisor's too, and has nothing else to do.
}

bool Server::begin() {
  this_thread.server = this;
  fuse_lowlevel_ops table = handler_table();
  table.init = choose_capabilities;
  char name[] = "btfuse";
  char* words[] = {name, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(1, words);
  session_ = fuse_session_new(&arguments, &table, sizeof table, &channel_);
  if (!session_ || !channel_.install(session_)) {
    BT_LOG(kError, "libfuse makes no session");
    return false;
  }
  fuse_buf message{};
  int got;
  do got = fuse_session_receive_buf(session_, &message);
  while (got == -EINTR);
  if (got <= 0) {
    BT_LOG(kError, "the mount was gone before it served: %s", std::strerror(got ? -got : ENODEV));
    std::free(message.mem);
    return false;
  }
  fuse_session_process_buf(session_, &message);
  std::free(message.mem);
  if (fuse_session_exited(session_)) {
    BT_LOG(kError, "the kernel and libfuse do not agree on a protocol");
    return false;
  }
  return true;
}

bool Server::kernel_knows(format::InodeNumber inode) {
  // Asked twice: an answer that makes it known may be on its way.
  for (int attempt = 0; attempt < 2; attempt++) {
    if (attempt) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (fuse_lowlevel_notify_inval_inode(session_, node_of(inode), -1, 0) != -ENOENT) return true;
  }
  return false;
}

void Server::run() {
  lock_waiters_ = std::make_unique<LockWaiters>(volume_, main_thread_.session);
  for (uint32_t i = 0; i < options_.threads; i++) threads_.emplace_back([this] { serve(); });
  page_.is_serving.store(1);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Server::serve() {
  ServingThread& thread = this_thread;
  thread.server = this;
  thread.engine.volume = &volume_;
  thread.engine.serves_kernel = true;
  if (auto attached = engine::attach_thread(thread.engine, main_thread_.session); !attached) {
    BT_LOG(kError, "a serving thread found no slot: %s", describe(attached.error()));
    return;
  }
  fuse_buf message{};
  while (!fuse_session_exited(session_)) {
    int got = fuse_session_receive_buf(session_, &message);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got <= 0) break;
    serve_message(thread, message);
  }
  std::free(message.mem);
  engine::detach_thread(thread.engine);
}

void Server::serve_message(ServingThread& thread, fuse_buf& message) {
  const auto& header = *static_cast<const fuse_in_header*>(message.mem);
  thread.unique = header.unique;
  if (header.opcode == kOpcodeTmpfile &&
      handle_unknown(thread, header, &header + 1, message.size - sizeof header))
    return;
  fuse_session_process_buf(session_, &message);
}

void Server::collect_stamps() {
  uint32_t used = volume_.slots_used();
  for (uint32_t i = 1; i < used; i++) {
    const format::SlotRecord* slot = volume_.slot(format::SlotIndex{i});
    if (slot && slot->stamp) stamps_[slot->stamp] = slot->stamp_result;
  }
}

bool Server::was_executed(uint64_t unique, uint64_t& result) const {
  if (!(unique & kUniqueResend)) [[likely]]
    return false;
  uint64_t number = unique & ~kUniqueResend;
  auto found = stamps_.find(number);
  if (found == stamps_.end()) {
    // Granting comes after: what was granted was executed.
    result = 0;
    return stamps_.contains(number | kStampGranted);
  }
  result = found->second;
  BT_LOG(kInfo, "request %llu was executed before the crash",
         static_cast<unsigned long long>(number));
  return true;
}

bool Server::was_granted(uint64_t unique, format::InodeNumber& inode) const {
  if (!(unique & kUniqueResend)) [[likely]]
    return false;
  auto found = stamps_.find((unique & ~kUniqueResend) | kStampGranted);
  if (found == stamps_.end()) return false;
  inode.value = found->second;
  return true;
}

}  // namespace bt::fuse
