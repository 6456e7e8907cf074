// SPDX-License-Identifier: MIT
#include "engine/volume.h"

#include "base/limits.h"
#include "format/layout.h"
#include "shm/futex.h"

namespace bt::engine {
namespace {

using base::align_up;
using base::max;
using base::min;

constexpr uint64_t kVolumeSizeMin = 16ull << 20;
constexpr uint64_t kVolumeSizeMax =
    1ull << 43;  // page numbers are 32 bits: 16 TiB, less what tables take
constexpr uint64_t kOsPage = 4096;
// One inode for so many bytes of volume, if nobody says otherwise: a million files in the default 4 GiB.
constexpr uint64_t kBytesPerInode = 3072;
constexpr uint64_t kSlotsMin = 256, kSlotsMax = 1024;

uint64_t power_of_two_at_least(uint64_t value) {
  uint64_t power = 1;
  while (power < value) power *= 2;
  return power;
}

// Regions one after the other, each on an OS page of its own.
class Layouter {
 public:
  Region place(uint64_t count, uint64_t record_size) {
    Region region = {end_, count};
    end_ = align_up(end_ + count * record_size, kOsPage);
    return region;
  }
  uint64_t end() const { return end_; }

 private:
  uint64_t end_ = kSuperblockSizeBytes;
};

Geometry plan(const FormatOptions& options) {
  Geometry g = {};
  uint64_t size = align_up(options.volume_size, kOsPage);
  uint64_t inodes = options.inodes_max ? options.inodes_max + 2 : size / kBytesPerInode;
  uint64_t slots = min(max(size / (256u << 10), kSlotsMin), kSlotsMax);
  Layouter layouter;
  g.metrics_block_size = metrics::kBlockSizeBytes;
  g.sessions = layouter.place(slots, sizeof(SessionRecord));
  g.slots = layouter.place(slots, sizeof(SlotRecord));
  g.metrics = layouter.place(slots, g.metrics_block_size);
  g.stripes = layouter.place(size >= (64u << 20) ? 4096 : 1024, sizeof(StripeRecord));
  // A head for each second file; what is not used takes no memory.
  g.origin_stripes =
      layouter.place(max(power_of_two_at_least(inodes) / kHeadsAnOriginStripe / 2, uint64_t{2}),
                     sizeof(OriginStripe));
  uint64_t before_files = layouter.end();
  g.heads = layouter.place(max(power_of_two_at_least(inodes), g.stripes.count), sizeof(uint32_t));
  g.inodes = layouter.place(inodes, sizeof(InodeRecord));
  // Half as many again as inodes: a name of more than 20 bytes takes a second record. Who says how many inodes counts on two a
  // name (origin/evict.cc).
  g.dentries =
      layouter.place(options.inodes_max ? 2 * inodes : inodes + inodes / 2, sizeof(DentryRecord));
  uint64_t descriptions = min(max(size / (16u << 10), uint64_t{16384}), uint64_t{1} << 20);
  g.descriptions = layouter.place(descriptions, sizeof(DescriptionRecord));
  uint64_t file_locks = min(max(size / (64u << 10), uint64_t{1024}), uint64_t{1} << 18);
  g.file_locks = layouter.place(file_locks, sizeof(FileLockRecord));
  uint64_t tables = layouter.end() - before_files;
  uint64_t left = size > tables ? size - tables : 0;
  uint64_t pages = left / (kPageSizeBytes + sizeof(PageDescriptor));
  g.page_descriptors = layouter.place(pages, sizeof(PageDescriptor));
  g.pages = layouter.place(pages, kPageSizeBytes);
  g.volume_size = layouter.end();
  return g;
}

bool is_plannable(const FormatOptions& options, const Geometry& g) {
  return options.volume_size >= kVolumeSizeMin && options.volume_size <= kVolumeSizeMax &&
         options.inodes_max < (1ull << 31) && g.pages.count >= 256 &&
         g.dentries.count < (1ull << 32);
}

void make_root(InodeRecord& root, const FormatOptions& options) {
  root.mode = 0040000 | (options.root_mode & 07777);
  root.uid = options.owner_uid;
  root.gid = options.owner_gid;
  root.nlink = 2;
  root.atime_ns = root.mtime_ns = root.ctime_ns = root.btime_ns = options.now_ns;
  root.change = 1;
  root.directory.next_cookie = 3;
  root.directory.parent = kRootInode;
}

// Each region follows the one before and ends within the volume; counts are such that indexes fit 32 bits.
class GeometryCheck {
 public:
  explicit GeometryCheck(uint64_t size) : size_(size) {}
  bool region(const Region& region, uint64_t record_size) {
    if (region.offset % kOsPage || region.offset < end_ || region.offset > size_) return false;
    if (region.count < 2 || region.count > (1ull << 32)) return false;
    if (region.count > (size_ - region.offset) / record_size) return false;
    end_ = region.offset + region.count * record_size;
    return true;
  }

 private:
  uint64_t size_;
  uint64_t end_ = kSuperblockSizeBytes;
};

bool is_sound(const Geometry& g, uint64_t size) {
  if (g.volume_size > size || g.metrics_block_size != metrics::kBlockSizeBytes) return false;
  GeometryCheck check(g.volume_size);
  return check.region(g.sessions, sizeof(SessionRecord)) &&
         check.region(g.slots, sizeof(SlotRecord)) &&
         check.region(g.metrics, g.metrics_block_size) &&
         check.region(g.stripes, sizeof(StripeRecord)) &&
         check.region(g.origin_stripes, sizeof(OriginStripe)) &&
         check.region(g.heads, sizeof(uint32_t)) && check.region(g.inodes, sizeof(InodeRecord)) &&
         check.region(g.dentries, sizeof(DentryRecord)) &&
         check.region(g.descriptions, sizeof(DescriptionRecord)) &&
         check.region(g.file_locks, sizeof(FileLockRecord)) &&
         check.region(g.page_descriptors, sizeof(PageDescriptor)) &&
         check.region(g.pages, kPageSizeBytes) && g.page_descriptors.count == g.pages.count &&
         g.metrics.count >= g.slots.count && base::is_power_of_two(g.stripes.count) &&
         base::is_power_of_two(g.origin_stripes.count) && base::is_power_of_two(g.heads.count) &&
         g.heads.count >= g.stripes.count;
}
}  // namespace

uint64_t Volume::volume_size_for(const FormatOptions& options) { return plan(options).volume_size; }

Result<void> Volume::format(void* memory, uint64_t size, const FormatOptions& options) {
  Geometry g = plan(options);
  if (!is_plannable(options, g) || g.volume_size > size || !options.id) return Error(EINVAL);
  char* base = static_cast<char*>(memory);
  Superblock& super = *static_cast<Superblock*>(memory);
  super.version = kVolumeVersion;
  super.layout_hash = layout_hash();
  super.geometry = g;
  super.id = options.id;
  super.owner_uid = options.owner_uid;
  super.options = options.options;
  super.slots_used = super.sessions_used = super.slot_hint = super.session_hint = 1;
  super.free_inodes.fresh = raw(InodeIndex::kRoot) + 1;
  super.free_dentries.fresh = super.free_pages.fresh = 1;
  super.free_descriptions.fresh = super.free_file_locks.fresh = 1;
  make_root(reinterpret_cast<InodeRecord*>(base + g.inodes.offset)[raw(InodeIndex::kRoot)],
            options);
  super.state = kVolumeServing;
  __atomic_store_n(&super.magic, kVolumeMagic, __ATOMIC_RELEASE);  // → attach
  return {};
}

Result<void> Volume::attach(void* memory, uint64_t size, Volume& volume) {
  if (size < kSuperblockSizeBytes) return error::wrong_magic;
  Superblock& super = *static_cast<Superblock*>(memory);
  if (__atomic_load_n(&super.magic, __ATOMIC_ACQUIRE) != kVolumeMagic) return error::wrong_magic;
  if (super.version != kVolumeVersion || super.layout_hash != bt::format::layout_hash())
    return error::wrong_version;
  // Copied first, checked in the copy: nobody can change it between the two.
  Geometry geometry;
  __builtin_memcpy(&geometry, &super.geometry, sizeof(geometry));
  asm volatile("" : "+m"(geometry)::"memory");
  if (!is_sound(geometry, size)) return error::volume_corrupt;
  volume.base_ = static_cast<char*>(memory);
  volume.geometry_ = geometry;
  volume.stripe_mask_ = static_cast<uint32_t>(geometry.stripes.count - 1);
  volume.head_mask_ = static_cast<uint32_t>(geometry.heads.count - 1);
  volume.origin_stripe_mask_ = static_cast<uint32_t>(geometry.origin_stripes.count - 1);
  volume.geometry_options_ = super.options;
  return {};
}

Error Volume::damaged(const char* file, uint32_t line) const {
  Superblock& super = superblock();
  uint64_t none = 0;
  if (__atomic_compare_exchange_n(&super.damage_line, &none, line, false, __ATOMIC_RELAXED,
                                  __ATOMIC_RELAXED)) {
    const char* name = file;
    for (const char* p = file; *p; p++)
      if (*p == '/') name = p + 1;
    for (uint32_t i = 0; i + 1 < sizeof(super.damage_file) && name[i]; i++)
      super.damage_file[i] = name[i];
  }
  __atomic_store_n(&super.frozen, 1, __ATOMIC_RELEASE);
  __atomic_add_fetch(&super.wake_daemon, 1, __ATOMIC_RELAXED);
  shm::futex_wake(super.wake_daemon, INT32_MAX);
  return error::volume_corrupt;
}

}  // namespace bt::engine
