// SPDX-License-Identifier: MIT
#include "origin/ahead.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>

#include "engine/seq_read.h"
#include "format/dentry_format.h"
#include "format/inode_format.h"
#include "format/page_format.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;

constexpr uint64_t kOsPage = 4096;
constexpr uint64_t kAheadMin = 256 << 10;
constexpr uint64_t kAtOnce = 1 << 20;  // some 2 ms
constexpr int kPopulate = 23;          // MADV_POPULATE_WRITE, which Debian 12's headers lack
constexpr auto kPauseMin = std::chrono::milliseconds(1);
constexpr auto kPauseMax = std::chrono::milliseconds(64);

}  // namespace

uint64_t wanted_bytes(const Table& table, uint64_t limit) {
  uint64_t used = uint64_t{load_relaxed(*table.fresh)} * table.record_bytes;
  uint64_t size = table.region->count * table.record_bytes;
  uint64_t ahead = std::min(std::max(used / 4, kAheadMin), table.ahead_max);
  uint64_t wanted = std::min({used + ahead, size, limit});
  return wanted / kOsPage * kOsPage;
}

Ahead::Ahead(engine::Volume& volume) : volume_(volume), thread_([this] { run(); }) {}

Ahead::~Ahead() {
  stop_.store(true);
  thread_.join();
}

bool Ahead::step(const Table& table, uint64_t limit, uint64_t& done) {
  uint64_t used = uint64_t{load_relaxed(*table.fresh)} * table.record_bytes / kOsPage * kOsPage;
  uint64_t from = std::max(done, used), to = wanted_bytes(table, limit);
  if (from >= to) return false;
  to = std::min(to, from + kAtOnce);
  char* place = volume_.base() + table.region->offset + from;
  done = madvise(place, to - from, kPopulate) == 0 ? to : UINT64_MAX;  // a kernel that cannot
  return true;
}

void Ahead::run() {
  const format::Superblock& superblock = volume_.superblock();
  const format::Geometry& g = volume_.geometry();
  constexpr uint64_t kMega = 1 << 20;
  const Table tables[] = {
      {&g.inodes, sizeof(format::InodeRecord), &superblock.free_inodes.fresh, 4 * kMega},
      {&g.dentries, sizeof(format::DentryRecord), &superblock.free_dentries.fresh, kMega},
      {&g.page_descriptors, sizeof(format::PageDescriptor), &superblock.free_pages.fresh, kMega},
      {&g.pages, format::kPageSizeBytes, &superblock.free_pages.fresh, 32 * kMega},
  };
  uint64_t done[std::size(tables)] = {};
  std::chrono::milliseconds pause = kPauseMin;
  while (!stop_.load()) {
    bool busy = false;
    // Beyond the budget pages are used again, which have memory.
    uint64_t budget = uint64_t{load_relaxed(superblock.cache_pages_max)} * format::kPageSizeBytes;
    for (size_t i = 0; i < std::size(tables) && allowed_.load(std::memory_order_relaxed); i++)
      busy |= step(tables[i], tables[i].region == &g.pages ? budget : UINT64_MAX, done[i]);
    pause = busy ? kPauseMin : std::min(2 * pause, kPauseMax);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace bt::origin
