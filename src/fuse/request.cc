// SPDX-License-Identifier: MIT
#include "fuse/request.h"

#include <sys/statvfs.h>

#include "metrics/trace.h"

namespace bt::fuse {
namespace {

constexpr int64_t kNanoseconds = 1000000000;

timespec to_timespec(int64_t ns) {
  int64_t seconds = ns / kNanoseconds, rest = ns % kNanoseconds;
  if (rest < 0) seconds--, rest += kNanoseconds;
  return {seconds, rest};
}

}  // namespace

struct stat to_stat(const Attributes& attributes) {
  struct stat status {};
  status.st_ino = attributes.number;
  status.st_mode = attributes.mode;
  status.st_nlink = attributes.nlink;
  status.st_uid = attributes.uid;
  status.st_gid = attributes.gid;
  status.st_rdev = attributes.rdev;
  status.st_size = static_cast<off_t>(attributes.size);
  status.st_blksize = format::kPageSizeBytes;
  status.st_blocks = static_cast<blkcnt_t>(attributes.page_count * (format::kPageSizeBytes / 512));
  status.st_atim = to_timespec(attributes.atime_ns);
  status.st_mtim = to_timespec(attributes.mtime_ns);
  status.st_ctim = to_timespec(attributes.ctime_ns);
  return status;
}

fuse_entry_param to_entry(const Attributes& attributes) {
  fuse_entry_param entry{};
  entry.ino = node_of(attributes.inode);
  entry.generation = attributes.inode.generation();
  entry.attr = to_stat(attributes);
  return entry;
}

void set_open_flags(fuse_file_info& file) { file.direct_io = 1; }

Request::Request(fuse_req_t handle, metrics::Operation operation, bool changes)
    : Request(handle, operation, changes, serving_thread().server->options().default_permissions) {}

Request::Request(fuse_req_t handle, metrics::Operation operation, bool changes, bool trusted)
    : handle_(handle),
      caller_(fuse_req_ctx(handle)),
      thread_(serving_thread()),
      meter_(*thread_.engine.block, thread_.engine.volume->superblock().trace_until),
      operation_(operation),
      credentials_(caller_->uid, caller_->gid, caller_->pid, trusted),
      context_{thread_.engine, credentials_.get()} {
  if (!changes) return;
  thread_.engine.slot->stamp_result = 0;
  thread_.engine.request = thread_.unique & ~kUniqueResend;
}

Request::~Request() {
  if (!answered_) reply_error(Error(EIO));
}

bool Request::is_owner() const {
  return caller_->uid == 0 || caller_->uid == thread_.server->volume().superblock().owner_uid;
}

char* Request::buffer(size_t size) {
  if (thread_.buffer.size() < size) thread_.buffer.resize(size);
  return thread_.buffer.data();
}

bool Request::was_executed(uint64_t& result) {
  return thread_.server->was_executed(thread_.unique, result);
}

// Before the answer, so that whoever was answered finds itself counted.
void Request::finish(int64_t result) {
  answered_ = true;
  thread_.engine.request = 0;
  meter_.served(operation_, metrics::Way::k_fuse);
  if (result > 0 && operation_ == metrics::Operation::k_read)
    metrics::count_event(*thread_.engine.block, metrics::Event::k_bytes_read,
                         static_cast<uint64_t>(result));
  if (result > 0 && operation_ == metrics::Operation::k_write)
    metrics::count_event(*thread_.engine.block, metrics::Event::k_bytes_written,
                         static_cast<uint64_t>(result));
  if (!meter_.traced()) return;
  metrics::TracedCall call;
  call.operation = operation_;
  call.way = metrics::Way::k_fuse;
  call.pid = static_cast<uint32_t>(caller_->pid);
  call.result = result;
  call.inode = raw(inode_.index());
  call.path = name_.data();
  call.path_size = call.path_kept = static_cast<uint32_t>(name_.size());
  metrics::trace(*thread_.engine.block, meter_.timing(), call);
}

void Request::reply_error(Error error) {
  finish(-error.errno_value());
  fuse_reply_err(handle_, error.errno_value());
}

void Request::reply(Result<void> result) {
  if (!result) return reply_error(result.error());
  finish(0);
  fuse_reply_err(handle_, 0);
}

// The reference is counted before the kernel has it: forgetting one too many would free an inode under it. A worker killed
// in between left the stamp of this transaction, so that the next one does not count it again.
Result<void> Request::grant(InodeNumber inode) {
  InodeNumber granted;
  if (thread_.server->was_granted(thread_.unique, granted)) {
    if (granted == inode) return {};
    (void)engine::forget_kernel_lookups(context_, granted, 1);
  }
  thread_.engine.slot->stamp_result = inode.value;
  thread_.engine.request = (thread_.unique & ~kUniqueResend) | kStampGranted;
  Result<void> result = engine::add_kernel_lookup(context_, inode);
  thread_.engine.request = 0;
  return result;
}

void Request::reply_entry(const Attributes& attributes) {
  if (auto granted = grant(attributes.inode); !granted) return reply_error(granted.error());
  reply_granted_entry(attributes);
}

void Request::reply_granted_entry(const Attributes& attributes) {
  fuse_entry_param entry = to_entry(attributes);
  finish(0);
  // ENOENT: the caller was interrupted and the kernel did not take the reference.
  if (fuse_reply_entry(handle_, &entry) == -ENOENT)
    (void)engine::forget_kernel_lookups(context_, attributes.inode, 1);
}

void Request::reply_entry(Result<void> result, const Attributes& attributes) {
  if (!result) return reply_error(result.error());
  reply_entry(attributes);
}

void Request::reply_attributes(Result<void> result, const Attributes& attributes) {
  if (!result) return reply_error(result.error());
  struct stat status = to_stat(attributes);
  finish(0);
  fuse_reply_attr(handle_, &status, 0);
}

void Request::reply_created(const Attributes& attributes, fuse_file_info& file) {
  fuse_entry_param entry = to_entry(attributes);
  if (auto granted = grant(attributes.inode); !granted) return reply_error(granted.error());
  if (auto counted = engine::add_kernel_open(context_, attributes.inode); !counted) {
    (void)engine::forget_kernel_lookups(context_, attributes.inode, 1);
    return reply_error(counted.error());
  }
  set_open_flags(file);
  finish(0);
  if (fuse_reply_create(handle_, &entry, &file) != -ENOENT) return;
  (void)engine::drop_kernel_open(context_, attributes.inode).has_value();
  (void)engine::forget_kernel_lookups(context_, attributes.inode, 1);
}

bool Request::reply_open(fuse_file_info& file) {
  set_open_flags(file);
  finish(0);
  return fuse_reply_open(handle_, &file) != -ENOENT;
}

void Request::reply_data(const void* data, size_t size) {
  finish(static_cast<int64_t>(size));
  fuse_reply_buf(handle_, static_cast<const char*>(data), size);
}

void Request::reply_written(Result<uint64_t> result) {
  if (!result) return reply_error(result.error());
  finish(static_cast<int64_t>(*result));
  fuse_reply_write(handle_, *result);
}

void Request::reply_offset(Result<uint64_t> result) {
  if (!result) return reply_error(result.error());
  finish(static_cast<int64_t>(*result));
  fuse_reply_lseek(handle_, static_cast<off_t>(*result));
}

void Request::reply_xattr_size(Result<uint64_t> result) {
  if (!result) return reply_error(result.error());
  finish(static_cast<int64_t>(*result));
  fuse_reply_xattr(handle_, *result);
}

void Request::reply_statistics(const struct statvfs& statistics) {
  finish(0);
  fuse_reply_statfs(handle_, &statistics);
}

void Request::reply_lock(const struct flock& lock) {
  finish(0);
  fuse_reply_lock(handle_, &lock);
}

void Request::reply_none() {
  finish(0);
  fuse_reply_none(handle_);
}

void Request::hand_over() { finish(0); }

}  // namespace bt::fuse
