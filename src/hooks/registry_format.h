// SPDX-License-Identifier: MIT
// The registry of one user's loaded objects: the file `hooks/registry` of the run directory, mapped by every agent and by
// `btfuse hook`. Writers of entries hold flock on the file; agents only read entries, and claim thread slots.
//
//   RegistryHeader | RegistryEntry × 64 | RegistrySlot × 128
#pragma once

#include <atomic>
#include <cstdint>

namespace bt::hooks {

inline constexpr uint64_t kRegistryMagic = 0x3147'4552'4b48'5442;  // "BTHKREG1"
inline constexpr uint32_t kRegistryVersion = 1;
inline constexpr uint32_t kRegistryEntriesMax = 64;
// One slot a thread that uses per-CPU maps, over all processes of the user; the last is shared, under a lock.
inline constexpr uint32_t kThreadSlots = 128;

struct RegistryHeader {
  uint64_t magic;    // const once formatted
  uint32_t version;  // const once formatted
  uint32_t reserved;
  // 0: no program is loaded. Else a number that changes with every load and unload.
  // atomic: registry writer publish() → agent refresh()
  std::atomic<uint64_t> word;
  uint64_t next_generation;  // guarded by flock
  uint64_t next_id;          // guarded by flock
  std::atomic<uint32_t>
      slots_used;                // atomic: high-water mark of claimed slots, claim_slot() → sums
  std::atomic<uint32_t> missed;  // hint: programs not run because their thread was already in one
  std::atomic<uint64_t> shared_slot_lock;  // atomic: OwnerLock of slot kThreadSlots - 1
  std::atomic<uint64_t> load_failures;     // hint: images an agent refused
  uint64_t reserved_tail[24];
};
static_assert(sizeof(RegistryHeader) == 256);

struct RegistryEntry {
  std::atomic<uint64_t>
      id;  // 0 = free. atomic: load/unload → refresh(), ordered by RegistryHeader::word
  uint64_t loaded_at_ns;  // CLOCK_REALTIME; const while id != 0
  uint32_t loader_pid;    // const while id != 0
  uint32_t loader_uid;    // const while id != 0
  char name[64];          // const while id != 0
  uint64_t reserved[3];
};
static_assert(sizeof(RegistryEntry) == 112);

struct RegistrySlot {
  std::atomic<uint64_t> owner;  // OwnerToken or 0. atomic: claim_slot() → claim_slot()
};

struct Registry {
  RegistryHeader header;
  RegistryEntry entries[kRegistryEntriesMax];
  RegistrySlot slots[kThreadSlots];
};
inline constexpr uint64_t kRegistrySize = 12288;
static_assert(sizeof(Registry) <= kRegistrySize);

}  // namespace bt::hooks
