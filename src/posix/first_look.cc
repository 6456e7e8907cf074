// SPDX-License-Identifier: MIT
#include "posix/first_look.h"

#include <fcntl.h>

#include "base/user_copy.h"
#include "base/words.h"
#include "posix/files.h"

namespace bt::posix {

constinit FirstLook first_look = {};
thread_local constinit DescriptorTable* thread_table = nullptr;

namespace {

constexpr uint64_t kPageMask = 4095;

constexpr uint64_t word_of(const char* text, uint32_t size) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < size; i++)
    word |= static_cast<uint64_t>(static_cast<uint8_t>(text[i])) << (8 * i);
  return word;
}

// /proc/self/fd/N, /proc/PID/fd/N, /dev/fd/N and /dev/std* may name descriptors of ours.
bool may_name_descriptor(uint64_t word) {
  constexpr uint64_t kProc = word_of("/proc/", 6), kDevFd = word_of("/dev/fd/", 8),
                     kDevStd = word_of("/dev/std", 8);
  return (word & base::low_bytes(6)) == kProc || word == kDevFd || word == kDevStd;
}

bool any_prefix_matches(uint64_t word) {
  for (uint32_t i = 0; i < mount_count; i++) {
    const Mount& mount = mounts[i];
    uint32_t size = mount.path_size < 8 ? mount.path_size : 8;
    if (((word ^ word_of(mount.path, size)) & base::low_bytes(size)) == 0) return true;
  }
  return false;
}

}  // namespace

bool load_path_start(const char* path, uint64_t& word) {
  if ((reinterpret_cast<uint64_t>(path) & kPageMask) <= 4088) [[likely]]
    return base::load_user_u64(path, word);
  word = 0;
  for (uint32_t i = 0; i < 8; i++) {
    uint8_t byte;
    if (!base::load_user_u8(path + i, byte)) return false;
    word |= static_cast<uint64_t>(byte) << (8 * i);
    if (!byte) break;
  }
  return true;
}

bool path_may_be_ours(const char* path) {
  uint64_t word;
  if (!load_path_start(path, word)) [[unlikely]]
    return false;
  if ((word & 0xff) != '/') return first_look.cwd_is_ours | first_look.cwd_above_ours;
  if (first_look.prefix_mask) [[likely]] {
    if (((word ^ first_look.prefix) & first_look.prefix_mask) == 0) return true;
  } else if (any_prefix_matches(word)) {
    return true;
  }
  return may_name_descriptor(word);
}

bool at_path_may_be_ours(int32_t directory, const char* path) {
  uint64_t entry = 0;
  if (static_cast<uint32_t>(directory) < DescriptorTable::kSize)
    entry = thread_table ? thread_table->entry[directory] : 0;
  if (!path) return entry != 0 || (directory == AT_FDCWD && first_look.cwd_is_ours);
  uint64_t word;
  if (!load_path_start(path, word)) [[unlikely]]
    return entry != 0;
  if ((word & 0xff) == '/' || directory == AT_FDCWD) return path_may_be_ours(path);
  return entry != 0;
}

}  // namespace bt::posix
