// SPDX-License-Identifier: MIT
#include "cli/volume_view.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "cli/command_error.h"
#include "metrics/meter.h"
#include "registry/reader.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// The absolute path as it stands: resolving it on a mount whose daemon hangs would hang us too.
std::string absolute(const std::string& path) {
  std::string result = path;
  if (!path.starts_with('/')) {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) throw command_error("current directory", errno);
    result = std::string(here) + "/" + path;
  }
  while (result.size() > 1 && result.ends_with('/')) result.pop_back();
  return result;
}

bool is_below(const std::string& path, const std::string& mount_point) {
  return path == mount_point || (path.starts_with(mount_point) && path[mount_point.size()] == '/');
}

const registry::MountRecord* best_match(const std::vector<registry::MountRecord>& mounts,
                                        const std::string& path) {
  const registry::MountRecord* best = nullptr;
  for (const registry::MountRecord& mount : mounts)
    if (is_below(path, mount.mount_point) &&
        (!best || std::strlen(mount.mount_point) > std::strlen(best->mount_point)))
      best = &mount;
  return best;
}

registry::MountRecord mount_of(const std::string& path) {
  std::vector<registry::MountRecord> mounts = registry::all_mounts(registry::run_directory_path());
  const registry::MountRecord* best = best_match(mounts, absolute(path));
  if (!best) {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved)) best = best_match(mounts, resolved);
  }
  if (!best) throw CommandError(path, "not on a bt_fuse mount of this user (see btfuse list)");
  if (!registry::is_alive(*best)) throw CommandError(path, "the daemon of this mount is gone");
  return *best;
}

}  // namespace

VolumeView::VolumeView(const std::string& path) : mount_(mount_of(path)) { open(); }

VolumeView::VolumeView(const registry::MountRecord& mount) : mount_(mount) { open(); }

void VolumeView::open() {
  Result<int32_t> descriptor = registry::open_volume(mount_);
  if (!descriptor) throw command_error(mount_.mount_point, descriptor.error());
  descriptor_ = *descriptor;
  memory_ = mmap(nullptr, mount_.volume_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (memory_ == MAP_FAILED) {
    int problem = errno;
    close(descriptor_);
    throw command_error(mount_.mount_point, problem);
  }
  Result<void> attached = engine::Volume::attach(memory_, mount_.volume_size, volume_);
  if (!attached) {
    munmap(memory_, mount_.volume_size);
    close(descriptor_);
    throw command_error(mount_.mount_point, attached.error());
  }
}

VolumeView::VolumeView(VolumeView&& other) noexcept
    : mount_(other.mount_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      memory_(std::exchange(other.memory_, nullptr)),
      volume_(other.volume_),
      ticks_per_ns_(other.ticks_per_ns_) {}

VolumeView::~VolumeView() {
  if (memory_) munmap(memory_, mount_.volume_size);
  if (descriptor_ >= 0) close(descriptor_);
}

metrics::Control& VolumeView::control() {
  return *reinterpret_cast<metrics::Control*>(volume_.base() + volume_.geometry().metrics.offset);
}

void VolumeView::trace_until(uint64_t ticks) {
  __atomic_store_n(&volume_.superblock().trace_until, ticks, __ATOMIC_RELEASE);
  auto* blocks =
      reinterpret_cast<metrics::Block*>(volume_.base() + volume_.geometry().metrics.offset);
  for (uint32_t slot : used_blocks()) metrics::tell_of_tracing(blocks[slot]);
}

const metrics::Block* VolumeView::block(uint32_t slot) const {
  const format::Region& region = volume_.geometry().metrics;
  if (slot == 0 || slot >= region.count) return nullptr;
  return reinterpret_cast<const metrics::Block*>(volume_.base() + region.offset) + slot;
}

std::vector<uint32_t> VolumeView::used_records(const format::Region& region,
                                               uint64_t record_size) const {
  std::vector<uint32_t> used;
  auto end = static_cast<off_t>(region.offset + region.count * record_size);
  auto place = static_cast<off_t>(region.offset + record_size);
  while (place < end && (place = lseek(descriptor_, place, SEEK_DATA)) >= 0 && place < end) {
    off_t hole = lseek(descriptor_, place, SEEK_HOLE);
    if (hole < 0 || hole > end) hole = end;
    auto first =
        static_cast<uint32_t>((static_cast<uint64_t>(place) - region.offset) / record_size);
    auto last =
        static_cast<uint32_t>((static_cast<uint64_t>(hole) - 1 - region.offset) / record_size);
    for (uint32_t index = first; index <= last; index++)
      if (used.empty() || used.back() < index) used.push_back(index);
    place = hole;
  }
  return used;
}

std::vector<uint32_t> VolumeView::used_blocks() const {
  return used_records(volume_.geometry().metrics, metrics::kBlockSizeBytes);
}

void VolumeView::read_summary(metrics::Summary& summary) const {
  for (uint32_t slot : used_blocks()) summary.add(*block(slot));
}

std::vector<SessionView> VolumeView::sessions() const {
  std::map<uint32_t, SessionView> found;
  uint32_t daemon_pid = volume_.superblock().daemon_pid;
  for (uint32_t index : used_records(volume_.geometry().sessions, sizeof(format::SessionRecord))) {
    const format::SessionRecord* record = volume_.session(format::SessionIndex{index});
    if (!record || record->state == format::kSessionFree) continue;
    SessionView view{};
    view.index = index;
    view.pid = record->pid;
    view.uid = record->uid;
    view.descriptors = record->descriptor_count;
    view.is_daemon = record->pid == daemon_pid;
    view.name.assign(record->name, strnlen(record->name, sizeof record->name));
    if (view.name.empty()) {
      std::ifstream comm("/proc/" + std::to_string(view.pid) + "/comm");
      std::getline(comm, view.name);
    }
    found.emplace(index, view);
  }
  for (uint32_t index : used_records(volume_.geometry().slots, sizeof(format::SlotRecord))) {
    const format::SlotRecord* slot = volume_.slot(format::SlotIndex{index});
    const metrics::Block* counters = block(index);
    if (!slot || !counters || slot->token.word == 0) continue;
    auto session = found.find(raw(slot->session));
    if (session == found.end()) continue;
    session->second.threads++;
    uint64_t calls[3];
    metrics::occupant_counts(*counters, calls);
    for (int i = 0; i < 3; i++) session->second.calls[i] += calls[i];
  }
  std::vector<SessionView> result;
  for (auto& [index, view] : found) result.push_back(view);
  return result;
}

engine::VolumeStatistics VolumeView::statistics() {
  engine::Thread thread;
  thread.volume = &volume_;
  engine::Credentials nobody;
  engine::Context context{thread, nobody};
  engine::VolumeStatistics statistics{};
  engine::read_statistics(context, statistics);
  return statistics;
}

double VolumeView::ticks_per_ns() {
  if (ticks_per_ns_ > 0) return ticks_per_ns_;
  uint64_t origin_ticks = control().origin_ticks, origin_ns = control().origin_ns;
  if (origin_ns == 0 || monotonic_ns() - origin_ns < 20'000'000) {
    origin_ticks = metrics::clock_ticks();
    origin_ns = monotonic_ns();
    usleep(20'000);
  }
  ticks_per_ns_ = static_cast<double>(metrics::clock_ticks() - origin_ticks) /
                  static_cast<double>(monotonic_ns() - origin_ns);
  return ticks_per_ns_;
}

std::vector<registry::MountRecord> live_mounts() {
  std::vector<registry::MountRecord> mounts = registry::all_mounts(registry::run_directory_path());
  std::erase_if(mounts,
                [](const registry::MountRecord& mount) { return !registry::is_alive(mount); });
  return mounts;
}

}  // namespace bt::cli
