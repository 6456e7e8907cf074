// SPDX-License-Identifier: MIT
#include "hooks/map_format.h"

namespace bt::hooks {
namespace {

using base::align_up;

const char* refuse_ring(const MapGeometry& geometry) {
  if (geometry.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY) return nullptr;
  if (geometry.key_size || geometry.value_size) return "a ring buffer has no key and no value";
  if (!base::is_power_of_two(geometry.max_entries) || geometry.max_entries % kPageSize)
    return "a ring buffer's size is a power of two and a multiple of 4096";
  if (geometry.max_entries > (1u << 28)) return "ring buffer larger than 256 MiB";
  return nullptr;
}

uint32_t buckets_for(uint32_t entries) {
  uint32_t buckets = 8;
  while (buckets < entries) buckets *= 2;
  return buckets;
}

}  // namespace

const char* refuse_geometry(const MapGeometry& geometry) {
  uint32_t type = geometry.type;
  if (is_dummy_type(type)) return nullptr;
  if (is_ring_type(type)) return refuse_ring(geometry);
  if (geometry.max_entries == 0) return "no entries";
  if (geometry.max_entries > kMapEntriesMax) return "too many entries";
  if (geometry.value_size == 0) return "no value";
  if (geometry.value_size > kMapValueSizeMax) return "value too large";
  if (is_array_type(type) || type == BPF_MAP_TYPE_PROG_ARRAY) {
    if (geometry.key_size != 4) return "an array's key has 4 bytes";
    if (type == BPF_MAP_TYPE_PROG_ARRAY && geometry.value_size != 4)
      return "a program array's value has 4 bytes";
  } else if (is_hash_type(type)) {
    if (geometry.key_size == 0) return "no key";
    if (geometry.key_size > kMapKeySizeMax) return "key too large";
  } else if (is_queue_type(type)) {
    if (geometry.key_size) return "a queue has no key";
  } else {
    return "map type not supported";
  }
  return layout_of(geometry).size > kMapsFileSizeMax ? "map too large" : nullptr;
}

MapLayout layout_of(const MapGeometry& geometry) {
  MapLayout layout;
  uint32_t type = geometry.type;
  uint64_t values = geometry.max_entries;
  uint64_t at = sizeof(MapControl);
  layout.value_stride = static_cast<uint32_t>(align_up(geometry.value_size, 8));
  if (is_hash_type(type)) {
    layout.bucket_count = buckets_for(geometry.max_entries);
    layout.element_count = geometry.max_entries + 1;
    layout.element_stride =
        static_cast<uint32_t>(sizeof(HashElement) + align_up(geometry.key_size, 8));
    layout.buckets = at;
    at = align_up(at + uint64_t{layout.bucket_count} * 4, 64);
    layout.elements = at;
    at += uint64_t{layout.element_count} * layout.element_stride;
    values = layout.element_count;
  } else if (is_ring_type(type)) {
    layout.value_stride = 1;
    values = type == BPF_MAP_TYPE_RINGBUF ? geometry.max_entries : kPerfRingSize;
  } else if (is_dummy_type(type)) {
    values = 0;
  }
  at = align_up(at, kPageSize);
  layout.values = at;
  layout.values_size = values * layout.value_stride;
  if (is_per_cpu_type(type)) {
    layout.slot_stride = align_up(layout.values_size, 64);
    layout.values_size = layout.slot_stride * kThreadSlots;
  }
  layout.size = align_up(at + layout.values_size, kPageSize);
  return layout;
}

}  // namespace bt::hooks
