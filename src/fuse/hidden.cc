// SPDX-License-Identifier: MIT
#include "fuse/hidden.h"

#include <charconv>

namespace bt::fuse {

using format::DescriptionIndex;

namespace {

// Takes `.<hexadecimal>` off the front.
bool take_hex(const char*& at, const char* end, uint64_t& value) {
  if (at == end || *at != '.') return false;
  auto [after, problem] = std::from_chars(at + 1, end, value, 16);
  at = after;
  return problem == std::errc();
}

}  // namespace

NamedDescription find_named_description(const engine::Volume& volume, std::string_view name) {
  uint32_t index = 0;
  uint64_t number = 0, offset = 0;
  const char* end = name.data() + name.size();
  auto [at, problem] =
      std::from_chars(name.data() + sizeof format::kHiddenPrefix - 1, end, index, 10);
  if (problem != std::errc() || !take_hex(at, end, number) || !take_hex(at, end, offset) ||
      at != end)
    return {};
  const format::DescriptionRecord* record = volume.description(DescriptionIndex{index});
  if (!record || __atomic_load_n(&record->in_use, __ATOMIC_ACQUIRE) != 1 ||
      __atomic_load_n(&record->inode.value, __ATOMIC_RELAXED) != number)
    return {};
  return {DescriptionIndex{index}, {number}, offset};
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

NamedDescription PendingOpens::take(pid_t thread, format::InodeNumber inode) {
  if (count_.load(std::memory_order_relaxed) == 0) [[likely]]
    return {};
  std::lock_guard lock(mutex_);
  auto found = expected_.find(thread);
  if (found == expected_.end()) return {};
  NamedDescription named = found->second;
  expected_.erase(found);
  count_.store(static_cast<uint32_t>(expected_.size()), std::memory_order_relaxed);
  return named.inode == inode ? named : NamedDescription{};
}

}  // namespace bt::fuse
