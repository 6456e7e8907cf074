// SPDX-License-Identifier: MIT
// Arrays, queues and the type switch. Hash maps are in maps_hash.cc, rings in maps_ring.cc.
#include "hooks/maps.h"

#include <cerrno>

#include "hooks/maps_internal.h"

namespace bt::hooks {
namespace {

int64_t array_update(const MapView& map, const void* key, const void* value, uint64_t flags,
                     uint32_t slot) {
  if (flags & ~uint64_t{BPF_EXIST | BPF_NOEXIST}) return -EINVAL;
  uint32_t index;
  __builtin_memcpy(&index, key, 4);
  if (index >= map.max_entries) return -E2BIG;
  if (flags == BPF_NOEXIST) return -EEXIST;
  copy_words(value_at(map, index, slot), value, map.value_size);
  return 0;
}

}  // namespace

MapView map_view_at(const MapGeometry& geometry, uint32_t flags, void* region) {
  MapView map;
  map.type = geometry.type;
  map.key_size = geometry.key_size;
  map.value_size = geometry.value_size;
  map.max_entries = geometry.max_entries;
  map.flags = flags;
  map.layout = layout_of(geometry);
  auto* base = static_cast<unsigned char*>(region);
  map.control = reinterpret_cast<MapControl*>(base);
  map.buckets = reinterpret_cast<std::atomic<uint32_t>*>(base + map.layout.buckets);
  map.elements = base + map.layout.elements;
  map.values = base + map.layout.values;
  return map;
}

void* value_at(const MapView& map, uint32_t index, uint32_t slot) {
  return map.values + slot * map.layout.slot_stride + uint64_t{index} * map.layout.value_stride;
}

void* map_lookup(const MapView& map, const void* key, uint32_t slot) {
  if (is_array_type(map.type)) {
    uint32_t index;
    __builtin_memcpy(&index, key, 4);
    return index < map.max_entries ? value_at(map, index, slot) : nullptr;
  }
  return is_hash_type(map.type) ? hash_lookup(map, key, slot) : nullptr;
}

int64_t map_update(const MapView& map, const void* key, const void* value, uint64_t flags,
                   const MapUser& user) {
  if (map.flags & kImageMapFrozen) return -EPERM;
  if (is_array_type(map.type)) return array_update(map, key, value, flags, user.slot);
  return is_hash_type(map.type) ? hash_update(map, key, value, flags, user) : -EINVAL;
}

int64_t map_delete(const MapView& map, const void* key, const MapUser& user) {
  return is_hash_type(map.type) ? hash_delete(map, key, user) : -EINVAL;
}

bool lock_map_slowly(const MapView& map, const MapUser& user) {
  Acquired acquired = owner_lock(map.control->lock, user.token);
  if (acquired == Acquired::kYes) [[likely]]
    return true;
  if (acquired == Acquired::kNo) {
    map.control->busy.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  map_repair(map);
  map.control->repairs.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void map_repair(const MapView& map) {
  // Arrays have no lock; a queue's or ring's change is one store, done or not done.
  if (is_hash_type(map.type)) hash_repair(map);
}

// A queue's element i is at i mod max_entries; a push writes the element, then the count: death between loses nothing.
int64_t map_push(const MapView& map, const void* value, uint64_t flags, const MapUser& user) {
  if (!is_queue_type(map.type) || (flags & ~uint64_t{BPF_EXIST})) return -EINVAL;
  if (!lock_map(map, user)) return -EBUSY;
  uint64_t head = map.control->head.load(std::memory_order_relaxed);
  uint64_t tail = map.control->tail.load(std::memory_order_relaxed);
  int64_t result = 0;
  if (head - tail >= map.max_entries) {
    if (flags & BPF_EXIST)
      map.control->tail.store(head - map.max_entries + 1, std::memory_order_relaxed);
    else
      result = -E2BIG;
  }
  if (result == 0) {
    copy_words(value_at(map, static_cast<uint32_t>(head % map.max_entries), 0), value,
               map.value_size);
    map.control->head.store(head + 1, std::memory_order_release);
  }
  unlock_map(map);
  return result;
}

int64_t map_pop(const MapView& map, void* value, bool remove, const MapUser& user) {
  if (!is_queue_type(map.type)) return -EINVAL;
  if (!lock_map(map, user)) return -EBUSY;
  uint64_t head = map.control->head.load(std::memory_order_relaxed);
  uint64_t tail = map.control->tail.load(std::memory_order_relaxed);
  bool stack = map.type == BPF_MAP_TYPE_STACK;
  if (head == tail) {
    unlock_map(map);
    __builtin_memset(value, 0, map.value_size);
    return -ENOENT;
  }
  uint64_t from = stack ? head - 1 : tail;
  copy_words(value, value_at(map, static_cast<uint32_t>(from % map.max_entries), 0),
             map.value_size);
  if (remove) (stack ? map.control->head : map.control->tail).store(stack ? head - 1 : tail + 1);
  unlock_map(map);
  return 0;
}

}  // namespace bt::hooks
