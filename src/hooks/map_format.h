// SPDX-License-Identifier: MIT
// Maps in shared memory. Each map is a page-aligned region of its object's `ID.maps` file, created as zeros (which is a
// valid empty map of every type), then a control block:
//
//   MapControl (256 B) | buckets u32 × bucket_count | elements | values
//
// Where each part lies follows from type, sizes and entry count alone (layout_of), never from what the region says: the
// region is writable by every agent. Indexes read from it are bounds-checked.
//
// Hash element: u32 next (index + 1, 0 = end) | u32 hash | u32 free_next | u32 flags | key, padded to 8. Values lie in an
// array of their own, one per element, or one per element and thread slot, slot-major, for per-CPU maps.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/bytes.h"
#include "hooks/image_format.h"
#include "hooks/registry_format.h"

namespace bt::hooks {

inline constexpr uint64_t kPageSize = 4096;

struct MapControl {
  std::atomic<uint64_t> lock;  // OwnerLock of every change; lookups take none
  // Hash: elements ever used; indexes from here on are fresh. guarded by lock
  std::atomic<uint32_t> fresh;
  std::atomic<uint32_t> free_head;  // index + 1 of the first freed element. guarded by lock
  std::atomic<uint32_t> count;      // elements in the map. guarded by lock
  std::atomic<uint32_t> hand;       // LRU: the clock's hand. guarded by lock
  std::atomic<uint64_t> repairs;    // hint: locks taken over from dead threads
  std::atomic<uint64_t> busy;       // hint: operations given up with -EBUSY
  uint64_t reserved0[3];
  std::atomic<uint64_t>
      head;  // ring: producer position, atomic: reserve → consume. queue: pushes. guarded by lock
  uint64_t
      reserved1[7];  // head and tail on lines of their own: producer and consumer do not share one
  std::atomic<uint64_t>
      tail;  // ring: consumer position, atomic: consume → reserve. queue: pops. guarded by lock
  std::atomic<uint64_t> lost;  // hint: ring records dropped because it was full
  uint64_t reserved2[14];
};
static_assert(sizeof(MapControl) == 256);

struct HashElement {
  std::atomic<uint32_t> next;       // atomic: link → lookup
  std::atomic<uint32_t> hash;       // atomic: written before link, read after next
  std::atomic<uint32_t> free_next;  // guarded by lock
  std::atomic<uint32_t> flags;      // LRU: 1 = referenced. hint
  // key follows
};
static_assert(sizeof(HashElement) == 16);

// One record of a ring: header, then the data, padded to 8.
struct RingRecord {
  std::atomic<uint32_t> size_flags;  // kRingBusy | kRingDiscard | size. atomic: submit → consume
  uint32_t slot;                     // the writer's thread slot or ~0
  uint64_t owner;                    // OwnerToken: a busy record of a dead thread is skipped
};
static_assert(sizeof(RingRecord) == 16);
inline constexpr uint32_t kRingBusy = 1u << 31;
inline constexpr uint32_t kRingDiscard = 1u << 30;
inline constexpr uint32_t kRingSizeMask = kRingDiscard - 1;

// A perf event array has no size of its own: it becomes one ring of this many bytes.
inline constexpr uint32_t kPerfRingSize = 1u << 20;

struct MapGeometry {
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t max_entries = 0;
};

struct MapLayout {
  uint32_t bucket_count = 0;    // a power of two; 0 = no hash
  uint32_t element_count = 0;   // hash: max_entries + 1, so that a replacement always finds one
  uint32_t element_stride = 0;  // header and key
  uint32_t value_stride = 0;
  uint64_t slot_stride = 0;  // bytes from one thread slot's values to the next's; 0 = not per-CPU
  uint64_t buckets = 0;      // offsets in the region
  uint64_t elements = 0;
  uint64_t values = 0;
  uint64_t values_size = 0;
  uint64_t size = 0;  // of the region, whole pages
};

constexpr bool is_hash_type(uint32_t type) {
  return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
         type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}
constexpr bool is_lru_type(uint32_t type) {
  return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}
constexpr bool is_array_type(uint32_t type) {
  return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}
constexpr bool is_per_cpu_type(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}
constexpr bool is_ring_type(uint32_t type) {
  return type == BPF_MAP_TYPE_RINGBUF || type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
}
constexpr bool is_queue_type(uint32_t type) {
  return type == BPF_MAP_TYPE_QUEUE || type == BPF_MAP_TYPE_STACK;
}
// Created and never filled: Debian's tools declare them, and the helpers on them answer without looking.
constexpr bool is_dummy_type(uint32_t type) {
  return type == BPF_MAP_TYPE_CGROUP_ARRAY || type == BPF_MAP_TYPE_STACK_TRACE;
}

// Null where the geometry is acceptable, else why not (a literal).
const char* refuse_geometry(const MapGeometry& geometry);
// Precondition: refuse_geometry() accepted it.
MapLayout layout_of(const MapGeometry& geometry);

}  // namespace bt::hooks
