// SPDX-License-Identifier: MIT
// Operations on maps in shared memory (map_format.h): what helpers call in an agent and what `btfuse hook maps` calls to
// read them while programs run. Lookups take no lock; every change takes the map's owner lock, and each change is ordered
// so that a death at any instruction leaves a map that repair() can finish:
//
//   insert   take an element off the free list, fill it, link it        died before link → element unreachable
//   replace  the same, then swing the predecessor's link                died before swing → the same
//   remove   unlink, put on the free list                               died between → the same
//   repair   whatever no bucket reaches is free
//
// Errors are negative errno values, as the kernel's helpers return them.
#pragma once

#include "hooks/map_format.h"
#include "hooks/owner_lock.h"

namespace bt::hooks {

// One map as one process sees it. Geometry comes from the image; only `control` and what lies behind it is shared.
struct MapView {
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t max_entries = 0;
  uint32_t flags = 0;
  MapLayout layout;
  MapControl* control = nullptr;
  std::atomic<uint32_t>* buckets = nullptr;
  unsigned char* elements = nullptr;
  unsigned char* values = nullptr;
  // For per-CPU maps, how many slots may hold values: the registry's high-water mark.
  const std::atomic<uint32_t>* slots_used = nullptr;
};

// Who performs an operation.
struct MapUser {
  OwnerToken token = 0;
  uint32_t slot = 0;
};

// Precondition: the geometry was accepted, and `region` holds layout_of(geometry).size bytes.
MapView map_view_at(const MapGeometry& geometry, uint32_t flags, void* region);

// The value's address or null. For per-CPU maps the value of the user's slot.
void* map_lookup(const MapView& map, const void* key, uint32_t slot);
int64_t map_update(const MapView& map, const void* key, const void* value, uint64_t flags,
                   const MapUser& user);
int64_t map_delete(const MapView& map, const void* key, const MapUser& user);
int64_t map_push(const MapView& map, const void* value, uint64_t flags, const MapUser& user);
int64_t map_pop(const MapView& map, void* value, bool remove, const MapUser& user);

// Ring buffers and perf event arrays. reserve: null where the ring is full.
void* ring_reserve(const MapView& map, uint64_t size, const MapUser& user);
void ring_commit(void* data, bool discard);
uint64_t ring_query(const MapView& map, uint64_t what);
// The next finished record, or null; `size` is set with it. Call ring_consumed() with the record before the next.
// A busy record of a dead writer is skipped.
const RingRecord* ring_peek(const MapView& map, uint32_t& size);
void ring_consumed(const MapView& map, const RingRecord* record);

// Elements in the order they lie: for readers outside. `index` from 0; false at the end. Calls `visit` at most once.
bool hash_element_at(const MapView& map, uint32_t index, const void*& key, bool& used);
// Value of element `index` in `slot` (0 where the map is not per-CPU).
void* value_at(const MapView& map, uint32_t index, uint32_t slot);

// Finishes what a dead thread left. Precondition: the map's lock is held.
void map_repair(const MapView& map);

__extension__ using Wide = unsigned __int128;

inline uint32_t hash_of(const void* key, uint32_t size) {
  constexpr uint64_t kMultiplier = 0x9e37'79b9'7f4a'7c15;
  const auto* bytes = static_cast<const unsigned char*>(key);
  uint64_t hash = size * kMultiplier;
  auto mix = [&](uint64_t word) {
    auto wide = static_cast<Wide>(hash ^ word) * kMultiplier;
    hash = static_cast<uint64_t>(wide) ^ static_cast<uint64_t>(wide >> 64);
  };
  for (; size >= 8; size -= 8, bytes += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    mix(word);
  }
  if (size >= 4) {
    uint32_t word;
    __builtin_memcpy(&word, bytes, 4);
    mix(word);
    bytes += 4;
    size -= 4;
  }
  for (; size; size--) mix(*bytes++);
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

}  // namespace bt::hooks
