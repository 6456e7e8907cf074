// SPDX-License-Identifier: MIT
// The offset that a kernel descriptor from a hidden name (hidden.h) shares with programs that go on in-process: a shell whose
// static child writes to the shell's own output must find its next line behind the child's.
//
// The kernel keeps an offset for such a descriptor, and a request says only where it is to read or write. So the offset that
// the kernel must have by now is followed: a request exactly there is taken for a read or write at the offset, done at the
// description's, and moves it; any other is a pread or pwrite, or came after an lseek, and is done where it says. What lseek
// alone does is never seen here.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>

#include "engine/descriptions.h"
#include "fuse/hidden.h"

namespace bt::fuse {

class SharedOffsets {
 public:
  // A file handle for a descriptor whose offset in the kernel will be `named.offset`.
  uint64_t open(const NamedDescription& named);
  void close(uint64_t handle);

  // Of a handle after a restart: nothing is known.
  bool is_at(uint64_t handle, uint64_t offset);
  void moved_to(uint64_t handle, uint64_t offset);

 private:
  std::mutex mutex_;
  uint64_t opened_ = 0;
  std::unordered_map<uint64_t, uint64_t> offsets_;  // the kernel's, by handle
};

// The handle of an ordinary open, and of one that a program had made for a mapping or a call (format/hidden_name.h): no description
// shares their offset. The kernel's reads and writes of its own pages are at no offset either.
inline constexpr uint64_t kOrdinary = 0, kOpenedApart = 1;
inline constexpr bool has_description(uint64_t handle) { return handle > kOpenedApart; }
inline format::DescriptionIndex description_of(uint64_t handle) {
  return format::DescriptionIndex{static_cast<uint32_t>(handle)};
}

// One READ or WRITE through a handle, and under its description's lock if it is at the offset.
class OffsetInUse {
 public:
  // append: wherever the kernel thinks it is.
  OffsetInUse(SharedOffsets& offsets, engine::Context& context, uint64_t handle, uint64_t offset,
              bool append);
  // Where to read or write.
  uint64_t offset() const { return lock_ ? lock_->offset() : asked_; }
  // It was done, and ended there.
  void end_at(uint64_t end, uint64_t bytes);

 private:
  SharedOffsets& offsets_;
  uint64_t handle_, asked_;
  std::optional<engine::OffsetLock> lock_;
};

}  // namespace bt::fuse
