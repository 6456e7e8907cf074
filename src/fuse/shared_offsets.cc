// SPDX-License-Identifier: MIT
#include "fuse/shared_offsets.h"

namespace bt::fuse {

uint64_t SharedOffsets::open(const NamedDescription& named) {
  std::lock_guard lock(mutex_);
  uint64_t handle = (++opened_ & 0xffffffff) << 32 | raw(named.description);
  offsets_[handle] = named.offset;
  return handle;
}

void SharedOffsets::close(uint64_t handle) {
  std::lock_guard lock(mutex_);
  offsets_.erase(handle);
}

bool SharedOffsets::is_at(uint64_t handle, uint64_t offset) {
  std::lock_guard lock(mutex_);
  auto found = offsets_.find(handle);
  return found != offsets_.end() && found->second == offset;
}

void SharedOffsets::moved_to(uint64_t handle, uint64_t offset) {
  std::lock_guard lock(mutex_);
  auto found = offsets_.find(handle);
  if (found != offsets_.end()) found->second = offset;
}

OffsetInUse::OffsetInUse(SharedOffsets& offsets, engine::Context& context, uint64_t handle,
                         uint64_t offset, bool append)
    : offsets_(offsets), handle_(handle), asked_(offset) {
  if (!has_description(handle) || !(append || offsets.is_at(handle, offset))) return;
  lock_.emplace();
  // A description that cannot be locked is damaged, and the read or write will say so.
  if (!engine::OffsetLock::acquire(context, description_of(handle), *lock_)) lock_.reset();
}

void OffsetInUse::end_at(uint64_t end, uint64_t bytes) {
  if (!lock_) return;
  lock_->set_offset(end);
  offsets_.moved_to(handle_, asked_ + bytes);
}

}  // namespace bt::fuse
