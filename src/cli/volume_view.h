// SPDX-License-Identifier: MIT
// A mounted volume as the commands that look at it see it: found by its mount point, mapped, and read without taking a lock.
// Tables of the volume are sparse, and touching an unused record would allocate its page, so only records that have memory are
// visited.
#pragma once

#include <string>
#include <vector>

#include "engine/operations.h"
#include "engine/volume.h"
#include "metrics/block.h"
#include "metrics/summary.h"
#include "registry/registry_format.h"

namespace bt::cli {

struct SessionView {
  uint32_t index;
  uint32_t pid;
  uint32_t uid;
  uint32_t threads;
  uint32_t descriptors;
  bool is_daemon;
  std::string name;
  // Of its living threads: answered in-process, requests of the kernel answered, passed on.
  uint64_t calls[3];
};

class VolumeView {
 public:
  // path: the mount point, or anything below it. Throws CommandError: not a mount of ours, daemon gone, not admitted.
  explicit VolumeView(const std::string& path);
  explicit VolumeView(const registry::MountRecord& mount);
  ~VolumeView();
  VolumeView(VolumeView&& other) noexcept;
  VolumeView(const VolumeView&) = delete;
  VolumeView& operator=(const VolumeView&) = delete;
  VolumeView& operator=(VolumeView&&) = delete;

  const registry::MountRecord& mount() const { return mount_; }
  std::string mount_point() const { return mount_.mount_point; }
  engine::Volume& volume() { return volume_; }
  metrics::Control& control();
  // All calls are recorded until then, in clock ticks (metrics/trace.h).
  void trace_until(uint64_t ticks);
  // nullptr for an index out of range or block 0.
  const metrics::Block* block(uint32_t slot) const;

  // Slots whose counters have memory: every one that was ever used.
  std::vector<uint32_t> used_blocks() const;
  void read_summary(metrics::Summary& summary) const;
  std::vector<SessionView> sessions() const;
  engine::VolumeStatistics statistics();
  // Clock ticks a second, measured against the moment the volume was made.
  double ticks_per_ns();

 private:
  void open();
  // Indexes of the records of a table that have memory.
  std::vector<uint32_t> used_records(const format::Region& region, uint64_t record_size) const;

  registry::MountRecord mount_;
  int descriptor_ = -1;
  void* memory_ = nullptr;
  engine::Volume volume_;
  double ticks_per_ns_ = 0;
};

// The mounts of this user whose daemon lives.
std::vector<registry::MountRecord> live_mounts();

}  // namespace bt::cli
