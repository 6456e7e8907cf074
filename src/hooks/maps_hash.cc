// SPDX-License-Identifier: MIT
// Hash maps: chains of element indexes from an array of buckets.
//
// Lookups walk without a lock while elements are removed and reused. An element keeps its `next` when it is removed, so a
// walker standing on it goes on along the old chain; if it was reused meanwhile, its hash is of another bucket, which the
// walker sees because it reads the hash after `next` (inserting writes hash before next), and starts over. As in the
// kernel, the value behind a pointer may be reused after its element was deleted.
//
// LRU maps evict by the clock algorithm: a lookup sets the element's referenced flag, the hand clears it once before it
// evicts. That orders almost as a list would, and costs lookups no lock.
#include <cerrno>

#include "hooks/maps_internal.h"

namespace bt::hooks {
namespace {

constexpr uint32_t kReferenced = 1;
constexpr auto kRelaxed = std::memory_order_relaxed;

// With the lock held: the link that leads to the key's element (or the chain's end), and the element's index + 1.
struct Place {
  std::atomic<uint32_t>* link;
  uint32_t at;
};
// Keys of the usual sizes are compared by code of their own: `fixed` is the size, 0 = the map says it.
template <uint32_t fixed>
[[gnu::always_inline]] inline uint32_t key_size_of(const MapView& map) {
  return fixed ? fixed : map.key_size;
}
template <uint32_t fixed>
[[gnu::always_inline]] inline Place find_locked(const MapView& map, const void* key,
                                                uint32_t hash) {
  Place place{&map.buckets[hash & (map.layout.bucket_count - 1)], 0};
  for (uint32_t steps = 0; steps < kWalkMax; steps++) {
    uint32_t at = place.link->load(kRelaxed);
    if (at == 0 || at > map.layout.element_count) break;
    HashElement& element = element_at(map, at - 1);
    if (element.hash.load(kRelaxed) == hash &&
        same_bytes(key_of(element), key, key_size_of<fixed>(map))) {
      place.at = at;
      return place;
    }
    place.link = &element.next;
  }
  return place;
}

void free_locked(const MapView& map, uint32_t at) {
  MapControl& control = *map.control;
  element_at(map, at - 1).free_next.store(control.free_head.load(kRelaxed), kRelaxed);
  control.free_head.store(at, std::memory_order_release);
}

// Index + 1 of an element nobody reaches, 0 = none left.
uint32_t alloc_locked(const MapView& map) {
  MapControl& control = *map.control;
  uint32_t at = control.free_head.load(kRelaxed);
  if (at && at <= map.layout.element_count) {
    control.free_head.store(element_at(map, at - 1).free_next.load(kRelaxed), kRelaxed);
    return at;
  }
  uint32_t fresh = control.fresh.load(kRelaxed);
  if (fresh >= map.layout.element_count) return 0;
  control.fresh.store(fresh + 1, std::memory_order_release);
  return fresh + 1;
}

void unlink_locked(const MapView& map, const Place& place) {
  HashElement& element = element_at(map, place.at - 1);
  place.link->store(element.next.load(kRelaxed), std::memory_order_release);
  map.control->count.store(map.control->count.load(kRelaxed) - 1, kRelaxed);
  free_locked(map, place.at);
}

// Makes room in an LRU map that is full. Two turns of the hand always suffice.
void evict_locked(const MapView& map) {
  uint32_t fresh = base::min(map.control->fresh.load(kRelaxed), map.layout.element_count);
  uint32_t hand = map.control->hand.load(kRelaxed);
  for (uint32_t steps = 0; fresh && steps < 2 * fresh; steps++) {
    hand = hand + 1 < fresh ? hand + 1 : 0;
    HashElement& element = element_at(map, hand);
    if (element.flags.load(kRelaxed) & kReferenced) {
      element.flags.store(0, kRelaxed);
      continue;
    }
    Place place = find_locked<0>(map, key_of(element), element.hash.load(kRelaxed));
    if (place.at != hand + 1) continue;  // not in the map: it is the spare, or free
    unlink_locked(map, place);
    break;
  }
  map.control->hand.store(hand, kRelaxed);
}

// Every slot that may ever have held a value of this element's former key is cleared.
void fill_value(const MapView& map, uint32_t at, const void* value, uint32_t slot) {
  if (map.layout.slot_stride) {
    uint32_t slots = map.slots_used ? map.slots_used->load(kRelaxed) : kThreadSlots;
    slots = base::min(base::max(slots, slot + 1), kThreadSlots);
    for (uint32_t i = 0; i < slots; i++)
      if (i != slot) __builtin_memset(value_at(map, at - 1, i), 0, map.layout.value_stride);
  }
  copy_words(value_at(map, at - 1, slot), value, map.value_size);
}

template <uint32_t fixed>
[[gnu::always_inline]] inline int64_t insert_locked(const MapView& map, const void* key,
                                                    const void* value, uint32_t hash,
                                                    const Place& place, uint32_t slot) {
  uint32_t at = alloc_locked(map);
  if (at == 0) return -E2BIG;
  HashElement& element = element_at(map, at - 1);
  element.hash.store(hash, std::memory_order_release);
  element.flags.store(kReferenced, kRelaxed);
  copy_words(key_of(element), key, key_size_of<fixed>(map));
  fill_value(map, at, value, slot);
  bool replaces = place.at != 0;
  element.next.store(replaces ? element_at(map, place.at - 1).next.load(kRelaxed) : 0,
                     std::memory_order_release);
  place.link->store(at, std::memory_order_release);
  if (replaces)
    free_locked(map, place.at);
  else
    map.control->count.store(map.control->count.load(kRelaxed) + 1, kRelaxed);
  return 0;
}

template <uint32_t fixed>
[[gnu::always_inline]] inline int64_t update_locked(const MapView& map, const void* key,
                                                    const void* value, uint32_t hash,
                                                    uint64_t flags, uint32_t slot) {
  Place place = find_locked<fixed>(map, key, hash);
  if (place.at) {
    if (flags == BPF_NOEXIST) return -EEXIST;
    // One word is written whole; a per-CPU value has one writer. Anything longer is replaced, never half written.
    if (map.layout.slot_stride || map.value_size <= 8) {
      copy_words(value_at(map, place.at - 1, slot), value, map.value_size);
      return 0;
    }
    return insert_locked<fixed>(map, key, value, hash, place, slot);
  }
  if (flags == BPF_EXIST) return -ENOENT;
  if (map.control->count.load(kRelaxed) >= map.max_entries) {
    if (!is_lru_type(map.type)) return -E2BIG;
    evict_locked(map);
    place =
        find_locked<fixed>(map, key, hash);  // the evicted element may have been its predecessor
  }
  return insert_locked<fixed>(map, key, value, hash, place, slot);
}

}  // namespace

void* hash_lookup(const MapView& map, const void* key, uint32_t slot) {
  uint32_t at = find_element(map, key, map.key_size);
  if (!at) return nullptr;
  if (is_lru_type(map.type)) {
    std::atomic<uint32_t>& flags = element_at(map, at - 1).flags;
    if (!(flags.load(kRelaxed) & kReferenced)) flags.store(kReferenced, kRelaxed);
  }
  return value_at(map, at - 1, slot);
}

namespace {
template <uint32_t fixed>
int64_t update(const MapView& map, const void* key, const void* value, uint64_t flags,
               const MapUser& user) {
  if (flags > BPF_EXIST) return -EINVAL;
  uint32_t hash = hash_of(key, key_size_of<fixed>(map));
  if (!lock_map(map, user)) return -EBUSY;
  int64_t result = update_locked<fixed>(map, key, value, hash, flags, user.slot);
  unlock_map(map);
  return result;
}

template <uint32_t fixed>
int64_t remove(const MapView& map, const void* key, const MapUser& user) {
  uint32_t hash = hash_of(key, key_size_of<fixed>(map));
  if (!lock_map(map, user)) return -EBUSY;
  Place place = find_locked<fixed>(map, key, hash);
  if (place.at) unlink_locked(map, place);
  unlock_map(map);
  return place.at ? 0 : -ENOENT;
}
}  // namespace

int64_t hash_update(const MapView& map, const void* key, const void* value, uint64_t flags,
                    const MapUser& user) {
  if (map.key_size == 4) return update<4>(map, key, value, flags, user);
  if (map.key_size == 8) return update<8>(map, key, value, flags, user);
  return update<0>(map, key, value, flags, user);
}

int64_t hash_delete(const MapView& map, const void* key, const MapUser& user) {
  if (map.key_size == 4) return remove<4>(map, key, user);
  if (map.key_size == 8) return remove<8>(map, key, user);
  return remove<0>(map, key, user);
}

// Marks what the buckets reach (in `free_next`, which only free elements use), then strings the rest together.
void hash_repair(const MapView& map) {
  constexpr uint32_t kReached = ~0u;
  MapControl& control = *map.control;
  uint32_t fresh = base::min(control.fresh.load(kRelaxed), map.layout.element_count);
  for (uint32_t i = 0; i < fresh; i++) element_at(map, i).free_next.store(0, kRelaxed);
  uint32_t count = 0;
  for (uint32_t bucket = 0; bucket < map.layout.bucket_count; bucket++) {
    std::atomic<uint32_t>* link = &map.buckets[bucket];
    for (;;) {
      uint32_t at = link->load(kRelaxed);
      if (at == 0) break;
      bool wrong = at > fresh || element_at(map, at - 1).free_next.load(kRelaxed) == kReached;
      if (wrong) {  // never by a death; somebody scribbled: cut the chain
        link->store(0, kRelaxed);
        break;
      }
      element_at(map, at - 1).free_next.store(kReached, kRelaxed);
      count++;
      link = &element_at(map, at - 1).next;
    }
  }
  uint32_t head = 0;
  for (uint32_t i = fresh; i > 0; i--) {
    HashElement& element = element_at(map, i - 1);
    if (element.free_next.load(kRelaxed) == kReached) continue;
    element.free_next.store(head, kRelaxed);
    head = i;
  }
  control.free_head.store(head, kRelaxed);
  control.count.store(count, kRelaxed);
}

bool hash_element_at(const MapView& map, uint32_t index, const void*& key, bool& used) {
  uint32_t fresh =
      base::min(map.control->fresh.load(std::memory_order_acquire), map.layout.element_count);
  if (index >= fresh) return false;
  HashElement& element = element_at(map, index);
  bool again = false;
  key = key_of(element);
  used = walk(map, key, map.key_size, element.hash.load(kRelaxed), again) == index + 1;
  return true;
}

}  // namespace bt::hooks
