// SPDX-License-Identifier: MIT
#include "fuse/hidden.h"

#include <charconv>

namespace bt::fuse {

using format::DescriptionIndex;

NamedDescription find_named_description(const engine::Volume& volume, std::string_view name) {
  uint32_t index = 0;
  uint64_t number = 0;
  const char* end = name.data() + name.size();
  auto first = std::from_chars(name.data(), end, index, 10);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return {};
  auto second = std::from_chars(first.ptr + 1, end, number, 16);
  if (second.ec != std::errc() || second.ptr != end) return {};
  const format::DescriptionRecord* record = volume.description(DescriptionIndex{index});
  if (!record || __atomic_load_n(&record->in_use, __ATOMIC_ACQUIRE) != 1 ||
      __atomic_load_n(&record->inode.value, __ATOMIC_RELAXED) != number)
    return {};
  return {DescriptionIndex{index}, {number}};
}

void PendingOpens::expect(pid_t thread, const NamedDescription& named) {
  std::lock_guard lock(mutex_);
  expected_[thread] = named;
  count_.store(static_cast<uint32_t>(expected_.size()), std::memory_order_relaxed);
}

void PendingOpens::forget(pid_t thread) {
  if (count_.load(std::memory_order_relaxed) == 0) [[likely]]
    return;
  std::lock_guard lock(mutex_);
  expected_.erase(thread);
  count_.store(static_cast<uint32_t>(expected_.size()), std::memory_order_relaxed);
}

DescriptionIndex PendingOpens::take(pid_t thread, format::InodeNumber inode) {
  if (count_.load(std::memory_order_relaxed) == 0) [[likely]]
    return DescriptionIndex::kNone;
  std::lock_guard lock(mutex_);
  auto found = expected_.find(thread);
  if (found == expected_.end()) return DescriptionIndex::kNone;
  NamedDescription named = found->second;
  expected_.erase(found);
  count_.store(static_cast<uint32_t>(expected_.size()), std::memory_order_relaxed);
  return named.inode == inode ? named.description : DescriptionIndex::kNone;
}

}  // namespace bt::fuse
