// SPDX-License-Identifier: MIT
// The ids of a volume. Each is a type of its own so that an index of one table is never used in another; 0 names nothing
// in every table, which is why record 0 of each is never handed out.
#pragma once

#include <cstdint>

namespace bt::format {

enum class InodeIndex : uint32_t { kNone = 0, kRoot = 1 };
enum class DentryIndex : uint32_t { kNone = 0 };
enum class PageIndex : uint32_t { kNone = 0 };
enum class DescriptionIndex : uint32_t { kNone = 0 };  // an open file description
enum class SessionIndex : uint32_t { kNone = 0 };
enum class SlotIndex : uint32_t { kNone = 0 };
enum class FileLockIndex : uint32_t { kNone = 0 };

// Distance in bytes from the start of the volume.
enum class ShmOffset : uint64_t { kNone = 0 };

template <typename Index>
constexpr uint32_t raw(Index index) {
  return static_cast<uint32_t>(index);
}

// An inode for good: the generation changes whenever the record is used again, so a number never names two files. It is
// also FUSE's node id; programs see the index alone as st_ino.
struct InodeNumber {
  uint64_t value = 0;

  constexpr static InodeNumber of(InodeIndex index, uint32_t generation) {
    return {static_cast<uint64_t>(generation) << 32 | raw(index)};
  }
  constexpr InodeIndex index() const { return InodeIndex{static_cast<uint32_t>(value)}; }
  constexpr uint32_t generation() const { return static_cast<uint32_t>(value >> 32); }
  constexpr explicit operator bool() const { return value != 0; }
  constexpr bool operator==(const InodeNumber&) const = default;
};
static_assert(sizeof(InodeNumber) == 8);

// The root is never reused: its generation is 0, so its number is 1, as FUSE wants it.
inline constexpr InodeNumber kRootInode = InodeNumber::of(InodeIndex::kRoot, 0);

inline constexpr uint64_t kPageSizeBytes = 4096;

}  // namespace bt::format
