// SPDX-License-Identifier: MIT
// Ring buffers. Positions only grow; a record never wraps: what is left at the end of the ring becomes a discarded filler.
// Several producers order themselves by the map's lock and then fill their records in parallel; the one consumer stops at
// the first busy record. A record is written before the producer position that makes it visible, so a death under the
// lock leaves nothing; a death between reserve and submit leaves a busy record, which names its owner.
#include <cerrno>

#include "hooks/maps_internal.h"

namespace bt::hooks {
namespace {

uint64_t ring_size(const MapView& map) { return map.layout.values_size; }

RingRecord* record_at(const MapView& map, uint64_t position) {
  return reinterpret_cast<RingRecord*>(map.values + (position & (ring_size(map) - 1)));
}

void write_header(RingRecord* record, uint32_t size_flags, const MapUser& user) {
  record->slot = user.slot;
  record->owner = user.token;
  record->size_flags.store(size_flags, std::memory_order_release);
}

uint64_t record_span(uint64_t size) { return base::align_up(sizeof(RingRecord) + size, 16); }

void* reserve_locked(const MapView& map, uint64_t size, const MapUser& user) {
  MapControl& control = *map.control;
  uint64_t head = control.head.load(std::memory_order_relaxed);
  uint64_t tail = control.tail.load(std::memory_order_acquire);
  uint64_t span = record_span(size);
  uint64_t to_end = ring_size(map) - (head & (ring_size(map) - 1));
  uint64_t filler = to_end < span ? to_end : 0;
  // Head and tail come from shared memory; a tail beyond the head counts as a full ring.
  if ((head | tail) & 15 || head - tail > ring_size(map) ||
      head + filler + span - tail > ring_size(map)) {
    control.lost.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  if (filler)
    write_header(record_at(map, head),
                 kRingDiscard | static_cast<uint32_t>(filler - sizeof(RingRecord)), user);
  RingRecord* record = record_at(map, head + filler);
  write_header(record, kRingBusy | static_cast<uint32_t>(size), user);
  control.head.store(head + filler + span, std::memory_order_release);
  return record + 1;
}

}  // namespace

void* ring_reserve(const MapView& map, uint64_t size, const MapUser& user) {
  if (!is_ring_type(map.type) || size == 0 || record_span(size) > ring_size(map) / 2)
    return nullptr;
  if (!lock_map(map, user)) return nullptr;
  void* data = reserve_locked(map, size, user);
  unlock_map(map);
  return data;
}

void ring_commit(void* data, bool discard) {
  RingRecord* record = static_cast<RingRecord*>(data) - 1;
  uint32_t size = record->size_flags.load(std::memory_order_relaxed) & kRingSizeMask;
  record->size_flags.store(size | (discard ? kRingDiscard : 0), std::memory_order_release);
}

uint64_t ring_query(const MapView& map, uint64_t what) {
  if (!is_ring_type(map.type)) return 0;
  uint64_t head = map.control->head.load(std::memory_order_acquire);
  uint64_t tail = map.control->tail.load(std::memory_order_acquire);
  switch (what) {
    case BPF_RB_AVAIL_DATA:
      return head - tail;
    case BPF_RB_RING_SIZE:
      return ring_size(map);
    case BPF_RB_CONS_POS:
      return tail;
    case BPF_RB_PROD_POS:
      return head;
    default:
      return 0;
  }
}

const RingRecord* ring_peek(const MapView& map, uint32_t& size) {
  for (;;) {
    uint64_t tail = map.control->tail.load(std::memory_order_relaxed);
    uint64_t head = map.control->head.load(std::memory_order_acquire);
    if (tail == head) return nullptr;
    RingRecord* record = record_at(map, tail);
    uint32_t size_flags = record->size_flags.load(std::memory_order_acquire);
    size = size_flags & kRingSizeMask;
    uint64_t to_end = ring_size(map) - (tail & (ring_size(map) - 1));
    if (head - tail > ring_size(map) || (tail & 15) || record_span(size) > to_end) {
      map.control->tail.store(head, std::memory_order_release);  // damaged: drop what is there
      return nullptr;
    }
    if (size_flags & kRingBusy) {
      if (owner_lives(record->owner)) return nullptr;
    } else if (!(size_flags & kRingDiscard)) {
      return record;
    }
    map.control->tail.store(tail + record_span(size), std::memory_order_release);
  }
}

void ring_consumed(const MapView& map, const RingRecord* record) {
  uint32_t size = record->size_flags.load(std::memory_order_relaxed) & kRingSizeMask;
  uint64_t tail = map.control->tail.load(std::memory_order_relaxed);
  map.control->tail.store(tail + record_span(size), std::memory_order_release);
}

}  // namespace bt::hooks
