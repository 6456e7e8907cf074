// SPDX-License-Identifier: MIT
// Shared by maps.cc, maps_hash.cc and maps_ring.cc only.
#pragma once

#include "hooks/maps.h"

namespace bt::hooks {

// False: given up after a bounded wait. Repairs the map where its holder is dead.
bool lock_map(const MapView& map, const MapUser& user);
void unlock_map(const MapView& map);

void* hash_lookup(const MapView& map, const void* key, uint32_t slot);
int64_t hash_update(const MapView& map, const void* key, const void* value, uint64_t flags,
                    const MapUser& user);
int64_t hash_delete(const MapView& map, const void* key, const MapUser& user);
void hash_repair(const MapView& map);

// By whole words where possible: a reader of an aligned 8-byte value never sees half of it.
inline void copy_value(void* to, const void* from, uint32_t size) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (; size >= 8; size -= 8, in += 8, out += 8) {
    uint64_t word;
    __builtin_memcpy(&word, in, 8);
    __builtin_memcpy(out, &word, 8);
  }
  for (; size; size--) *out++ = *in++;
}

}  // namespace bt::hooks
