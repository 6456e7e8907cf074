// SPDX-License-Identifier: MIT
// A volume as one process sees it: where it is mapped, and its geometry, checked once and copied so that nobody can
// change it under us. Every index that is read from shared memory becomes a pointer here and nowhere else; one that is
// out of range gives nullptr and freezes the volume.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "format/dentry_format.h"
#include "format/inode_format.h"
#include "format/page_format.h"
#include "format/session_format.h"
#include "format/superblock_format.h"
#include "metrics/block.h"

namespace bt::engine {

using namespace format;  // NOLINT: the engine is about nothing but these records

// How large each table is made. Zero: chosen from volume_size.
struct FormatOptions {
  // Bytes of files, inodes and names together, at least 16 MiB. What each process and thread needs comes on top; the
  // file is sparse, so that costs address space until it is used.
  uint64_t volume_size = 0;
  uint64_t inodes_max = 0;
  uint32_t owner_uid = 0;
  uint32_t owner_gid = 0;
  uint32_t options = 0;       // kOption…
  uint32_t root_mode = 0755;  // permission bits of the root directory
  uint64_t id = 0;            // random, not 0
  int64_t now_ns = 0;         // CLOCK_REALTIME, the root's times
};

struct OriginTable;  // engine/origin.h

class Volume {
 public:
  // Lays a new volume out over zeroed memory (a fresh memfd of volume_size_for(options) bytes). EINVAL: too small, or more
  // inodes than fit.
  static uint64_t volume_size_for(const FormatOptions& options);
  static Result<void> format(void* memory, uint64_t size, const FormatOptions& options);

  // Checks magic, version, layout hash and geometry (EINVAL with a named cause) and fills `volume`. `size` is the size
  // of the mapping. The mapping stays the caller's.
  static Result<void> attach(void* memory, uint64_t size, Volume& volume);

  Superblock& superblock() const { return *reinterpret_cast<Superblock*>(base_); }
  const Geometry& geometry() const { return geometry_; }
  char* base() const { return base_; }

  // nullptr when the index is 0 or out of range.
  InodeRecord* inode(InodeIndex index) const {
    return record<InodeRecord>(geometry_.inodes, raw(index));
  }
  DentryRecord* dentry(DentryIndex index) const {
    return record<DentryRecord>(geometry_.dentries, raw(index));
  }
  DescriptionRecord* description(DescriptionIndex index) const {
    return record<DescriptionRecord>(geometry_.descriptions, raw(index));
  }
  SessionRecord* session(SessionIndex index) const {
    return record<SessionRecord>(geometry_.sessions, raw(index));
  }
  SlotRecord* slot(SlotIndex index) const {
    return record<SlotRecord>(geometry_.slots, raw(index));
  }
  FileLockRecord* file_lock(FileLockIndex index) const {
    return record<FileLockRecord>(geometry_.file_locks, raw(index));
  }
  PageDescriptor* page_descriptor(PageIndex index) const {
    return record<PageDescriptor>(geometry_.page_descriptors, raw(index));
  }
  char* page(PageIndex index) const {
    uint32_t i = raw(index);
    if (i == 0 || i >= geometry_.pages.count) [[unlikely]]
      return nullptr;
    return base_ + geometry_.pages.offset + i * kPageSizeBytes;
  }
  // Stripe and chain head of a hash (mix of parent and name, see engine/directory_index.h).
  StripeRecord& stripe(uint32_t hash) const {
    return reinterpret_cast<StripeRecord*>(base_ + geometry_.stripes.offset)[hash & stripe_mask_];
  }
  uint32_t& head(uint32_t hash) const {
    return reinterpret_cast<uint32_t*>(base_ + geometry_.heads.offset)[hash & head_mask_];
  }
  // Stripe and chain head of what an origin calls a file (engine/origin_index.h).
  OriginStripe& origin_stripe(uint64_t hash) const {
    return reinterpret_cast<OriginStripe*>(
        base_ + geometry_.origin_stripes.offset)[hash / kHeadsAnOriginStripe & origin_stripe_mask_];
  }
  // Block 0 is the Control; a slot's is the Block of its index. nullptr when out of range.
  void* metrics_block(SlotIndex index) const {
    if (raw(index) >= geometry_.metrics.count) [[unlikely]]
      return nullptr;
    return base_ + geometry_.metrics.offset + raw(index) * geometry_.metrics_block_size;
  }
  metrics::Control& control() const {
    return *reinterpret_cast<metrics::Control*>(base_ + geometry_.metrics.offset);
  }
  metrics::Block* block(SlotIndex index) const {
    return static_cast<metrics::Block*>(metrics_block(index));
  }

  // Slots and sessions from here on were never claimed: sweeps stop, so as not to allocate the memory of holes.
  uint32_t slots_used() const {
    return base::min(__atomic_load_n(&superblock().slots_used, __ATOMIC_ACQUIRE),
                     static_cast<uint32_t>(geometry_.slots.count));
  }
  uint32_t sessions_used() const {
    return base::min(__atomic_load_n(&superblock().sessions_used, __ATOMIC_ACQUIRE),
                     static_cast<uint32_t>(geometry_.sessions.count));
  }

  template <typename T>
  ShmOffset offset_of(const T* place) const {
    return ShmOffset{static_cast<uint64_t>(reinterpret_cast<const char*>(place) - base_)};
  }

  // What stands behind the volume, installed by this process; nullptr for a scratch volume. `state` is the origin's own.
  const OriginTable* origin() const { return origin_; }
  void* origin_state() const { return origin_state_; }
  void set_origin(const OriginTable* origin, void* state) {
    origin_ = origin;
    origin_state_ = state;
  }

  bool is_read_only() const { return geometry_options_ & kOptionReadOnly; }
  bool is_frozen() const { return __atomic_load_n(&superblock().frozen, __ATOMIC_RELAXED) != 0; }
  // Reports nonsense found in the volume: freezes it, remembers the first place, wakes the daemon. Always returns
  // error::volume_corrupt. Use the macro BT_DAMAGED(volume).
  Error damaged(const char* file, uint32_t line) const;

 private:
  template <typename T>
  T* record(const Region& region, uint32_t index) const {
    if (index == 0 || index >= region.count) [[unlikely]]
      return nullptr;
    return reinterpret_cast<T*>(base_ + region.offset) + index;
  }

  char* base_ = nullptr;
  Geometry geometry_{};
  uint32_t stripe_mask_ = 0;
  uint32_t head_mask_ = 0;
  uint32_t origin_stripe_mask_ = 0;
  uint32_t geometry_options_ = 0;
  const OriginTable* origin_ = nullptr;
  void* origin_state_ = nullptr;
};

#define BT_DAMAGED(volume) ((volume).damaged(__FILE__, __LINE__))

// What programs see as st_ino: the number at the origin, which stays while records are thrown out and made anew and when the
// volume is; without an origin the record's index.
inline uint64_t shown_number(const InodeRecord& record, InodeIndex index) {
  uint64_t origin = __atomic_load_n(&record.origin, __ATOMIC_RELAXED);
  return origin ? origin : raw(index);
}
inline uint64_t shown_number(const Volume& volume, InodeNumber inode) {
  const InodeRecord* record = volume.inode(inode.index());
  return record ? shown_number(*record, inode.index()) : raw(inode.index());
}

}  // namespace bt::engine
