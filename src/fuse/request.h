// SPDX-License-Identifier: MIT
// One request of the kernel while it is served: for whom, with which engine slot, counted and traced, answered exactly once.
// A handler makes one, does its work through context(), and ends with one of the reply functions; a Request that dies
// unanswered answers EIO.
#pragma once

#include <string_view>

#include "engine/operations.h"
#include "fuse/credentials.h"
#include "fuse/server.h"
#include "metrics/meter.h"

namespace bt::fuse {

using base::Text;
using engine::Attributes;
using format::InodeNumber;

class Request {
 public:
  // changes: the operation is not to be executed twice (see Server::was_executed).
  Request(fuse_req_t handle, metrics::Operation operation, bool changes = false);
  // trusted: no permission is to be checked, whoever asks.
  Request(fuse_req_t handle, metrics::Operation operation, bool changes, bool trusted);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  engine::Context& context() { return context_; }
  Server& server() { return *thread_.server; }
  const fuse_ctx& caller() const { return *caller_; }
  // Whether the caller may use the hidden names: the volume's owner and root.
  bool is_owner() const;
  // Memory of this thread for data on its way.
  char* buffer(size_t size);

  // For views.
  void about(InodeNumber inode) { inode_ = inode; }
  void about(InodeNumber inode, std::string_view name) {
    inode_ = inode;
    name_ = name;
  }

  // A worker died after it had done this and before it could say so; `result`: bytes it had written.
  bool was_executed(uint64_t& result);
  bool was_executed() {
    uint64_t result;
    return was_executed(result);
  }

  void reply(Result<void> result);
  void reply_error(Error error);
  // A new reference of the kernel to an inode: LOOKUP and whatever makes a name.
  void reply_entry(const Attributes& attributes);
  void reply_entry(Result<void> result, const Attributes& attributes);
  // The two halves of it. grant counts the kernel's reference; ESTALE: the inode is gone by now.
  Result<void> grant(InodeNumber inode);
  void reply_granted_entry(const Attributes& attributes);
  void reply_attributes(Result<void> result, const Attributes& attributes);
  void reply_created(const Attributes& attributes, fuse_file_info& file);
  // False: the caller was interrupted, and the kernel did not take it.
  bool reply_open(fuse_file_info& file);
  void reply_data(const void* data, size_t size);
  void reply_written(Result<uint64_t> result);
  void reply_offset(Result<uint64_t> result);
  void reply_xattr_size(Result<uint64_t> result);
  void reply_statistics(const struct statvfs& statistics);
  void reply_lock(const struct flock& lock);
  // Nothing is answered (FORGET).
  void reply_none();
  // Answered later by somebody else, or by hand.
  void hand_over();

 private:
  void finish(int64_t result);

  fuse_req_t handle_;
  const fuse_ctx* caller_;
  ServingThread& thread_;
  metrics::Meter meter_;
  metrics::Operation operation_;
  RequestCredentials credentials_;
  engine::Context context_;
  InodeNumber inode_{};
  std::string_view name_;
  bool answered_ = false;
};

inline Text text_of(std::string_view text) {
  return {text.data(), static_cast<uint32_t>(text.size())};
}
struct stat to_stat(const Attributes& attributes);
fuse_entry_param to_entry(const Attributes& attributes);
// Every open of ours: what is read and written goes past the kernel's pages (docs/coherence.md).
void set_open_flags(fuse_file_info& file);

}  // namespace bt::fuse
