// SPDX-License-Identifier: MIT
// Shared by maps.cc, maps_hash.cc, maps_ring.cc and helpers.cc only.
#pragma once

#include "hooks/maps.h"
#include "hooks/words.h"

namespace bt::hooks {

bool lock_map_slowly(const MapView& map, const MapUser& user);
// False: given up after a bounded wait. Repairs the map where its holder is dead.
inline bool lock_map(const MapView& map, const MapUser& user) {
  uint64_t expected = 0;
  if (map.control->lock.compare_exchange_strong(expected, user.token, std::memory_order_acquire,
                                                std::memory_order_relaxed)) [[likely]]
    return true;
  return lock_map_slowly(map, user);
}
inline void unlock_map(const MapView& map) { owner_unlock(map.control->lock); }

void* hash_lookup(const MapView& map, const void* key, uint32_t slot);
int64_t hash_update(const MapView& map, const void* key, const void* value, uint64_t flags,
                    const MapUser& user);
int64_t hash_delete(const MapView& map, const void* key, const MapUser& user);
void hash_repair(const MapView& map);

// ---- hash: the way of lookups (maps_hash.cc says why it needs no lock) -----------------------------------------------------
inline constexpr uint32_t kWalkMax =
    4096;  // elements one walk visits before it takes the chain for damaged
inline constexpr uint32_t kRestartsMax = 8;  // then a lookup answers "not found"

inline HashElement& element_at(const MapView& map, uint32_t index) {
  return *reinterpret_cast<HashElement*>(map.elements +
                                         uint64_t{index} * map.layout.element_stride);
}
inline unsigned char* key_of(HashElement& element) {
  return reinterpret_cast<unsigned char*>(&element) + sizeof(HashElement);
}

// Index + 1 of the key's element, 0 = none. `again` is set where the walk was carried into another chain.
[[gnu::always_inline]] inline uint32_t walk(const MapView& map, const void* key, uint32_t key_size,
                                            uint32_t hash, bool& again) {
  uint32_t mask = map.layout.bucket_count - 1;
  uint32_t at = map.buckets[hash & mask].load(std::memory_order_acquire);
  for (uint32_t steps = 0; at && steps < kWalkMax; steps++) {
    if (at > map.layout.element_count) return 0;
    HashElement& element = element_at(map, at - 1);
    uint32_t next = element.next.load(std::memory_order_acquire);
    uint32_t element_hash = element.hash.load(std::memory_order_acquire);
    if ((element_hash ^ hash) & mask) {
      again = true;
      return 0;
    }
    if (element_hash == hash && same_bytes(key_of(element), key, key_size)) return at;
    at = next;
  }
  return 0;
}

[[gnu::always_inline]] inline uint32_t find_element(const MapView& map, const void* key,
                                                    uint32_t key_size) {
  uint32_t hash = hash_of(key, key_size);
  for (uint32_t tries = 0; tries < kRestartsMax; tries++) {
    bool again = false;
    uint32_t at = walk(map, key, key_size, hash, again);
    if (at || !again) return at;
  }
  return 0;
}

// Of a map that is neither LRU nor per-CPU, with keys of this size.
template <uint32_t key_size>
void* hash_lookup_plain(const MapView& map, const void* key) {
  uint32_t at = find_element(map, key, key_size);
  return at ? map.values + uint64_t{at - 1} * map.layout.value_stride : nullptr;
}

}  // namespace bt::hooks
