// SPDX-License-Identifier: MIT
#include "origin/keeper.h"

#include <sys/sysinfo.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "engine/cached.h"
#include "engine/data.h"
#include "engine/seq_read.h"
#include "origin/evict.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kLookEvery = std::chrono::milliseconds(500);  // at the memory
constexpr uint64_t kGrowthPart = 64;  // of the budget: when it has grown by so much, at once
constexpr int64_t kDirtyAgeNs = 3'000'000'000;  // as old as dirty data gets
constexpr double kPressure = 0.10;     // of all memory available: below it the cache shrinks
constexpr uint64_t kAheadPart = 5;     // of all memory available: below it nothing is taken ahead
constexpr uint64_t kInodeBytes = 400;  // an inode and its name, in the tables
constexpr uint64_t kInodesPart = 8;    // of the budget: what inodes may take
// A round begins when all but so small a part of the inodes is in use, and ends when this part is free.
constexpr uint64_t kInodesSpared = 16, kInodesGoal = 8;
constexpr int64_t kRoundNs = 1'000'000'000;
constexpr int64_t kForgettingNs = 200'000'000;  // what the kernel is given for forgetting
constexpr size_t kForgottenAtOnce = 1024;
constexpr uint64_t kPageSize = format::kPageSizeBytes;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

uint64_t read_number(const std::string& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? value : 0;  // "max" is no number: no limit
}

// "name value" lines: the sum of those whose name is one of the two.
uint64_t read_sum(const std::string& path, const char* first, const char* second) {
  std::ifstream file(path);
  std::string name;
  uint64_t value = 0, sum = 0;
  while (file >> name >> value)
    if (name == first || name == second) sum += value;
  return sum;
}

// One control group's limit, if it has one that is less than what is known already. What the kernel can drop at once, clean
// pages of other files, counts as available; ours are not among them.
void apply_limit(uint64_t limit, uint64_t used, uint64_t droppable, Memory& memory) {
  if (limit == 0 || limit >= memory.total) return;
  memory.total = limit;
  used -= std::min(used, droppable);
  memory.available = std::min(memory.available, limit - std::min(limit, used));
  memory.excess = std::max(memory.excess, used > limit ? used - limit : 0);
}

void apply_group(const std::string& group, Memory& memory) {
  uint64_t high = read_number(group + "/memory.high"), max = read_number(group + "/memory.max");
  uint64_t limit = high && max ? std::min(high, max) : high + max;
  apply_limit(limit, read_number(group + "/memory.current"),
              read_sum(group + "/memory.stat", "inactive_file", "active_file"), memory);
  // The older hierarchy.
  apply_limit(read_number(group + "/memory.limit_in_bytes"),
              read_number(group + "/memory.usage_in_bytes"),
              read_sum(group + "/memory.stat", "total_inactive_file", "total_active_file"), memory);
}

// Our control groups, each with all above it.
void apply_groups(const std::string& groups, const std::string& root, Memory& memory) {
  std::ifstream file(groups);
  std::string line;
  while (std::getline(file, line)) {
    bool is_older = line.find(":memory:/") != std::string::npos;
    if (line.rfind("0::/", 0) != 0 && !is_older) continue;
    std::string path = line.substr(line.find(":/") + 1), top = root + (is_older ? "/memory" : "");
    for (; !path.empty(); path.resize(path.rfind('/'))) apply_group(top + path, memory);
  }
}

}  // namespace

namespace {

uint64_t wanted_memory(const Memory& memory) {
  return static_cast<uint64_t>(kPressure * static_cast<double>(memory.total));
}
bool is_pressed(const Memory& memory) { return memory.available < wanted_memory(memory); }

}  // namespace

uint32_t dirty_pages_max(const engine::Volume& volume, const Settings& settings) {
  if (settings.write_through) return 0;
  uint64_t pages = std::min(settings.cache_max / kPageSize, volume.geometry().pages.count);
  // What is dirty cannot be evicted, and may lie beyond the budget until it is written: so much, then, is the budget exceeded
  // by at most.
  return static_cast<uint32_t>(std::min<uint64_t>(pages / 20, UINT32_MAX));
}

Memory read_memory(const std::string& groups, const std::string& root) {
  Memory memory{};
  // Where /proc/meminfo is kept from ordinary users.
  struct sysinfo machine {};
  if (sysinfo(&machine) == 0) {
    memory.total = machine.totalram * machine.mem_unit;
    memory.available = (machine.freeram + machine.bufferram) * machine.mem_unit;
  }
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  uint64_t value = 0;
  while (file >> name >> value && std::getline(file, unit)) {
    if (name == "MemTotal:") memory.total = value << 10;
    if (name == "MemAvailable:") memory.available = value << 10;
  }
  apply_groups(groups, root, memory);
  return memory;
}

uint64_t next_budget(uint64_t budget, uint64_t in_use, const Memory& memory,
                     const Settings& settings) {
  uint64_t next = budget + budget / 10 + kPageSize;
  if (is_pressed(memory)) {
    uint64_t held = std::min(budget, in_use);
    uint64_t step = std::max(held / 5, wanted_memory(memory) - memory.available + memory.excess);
    next = held - std::min(held, step);
  }
  return std::clamp(next, settings.cache_min, settings.cache_max);
}

uint64_t inodes_of_budget(uint64_t budget, uint64_t capacity) {
  return std::min(budget / kInodesPart / kInodeBytes, capacity / 4 * 3);
}

void set_budget(engine::Volume& volume, uint64_t bytes) {
  format::Superblock& superblock = volume.superblock();
  uint64_t records = inodes_in_use(volume) * kInodeBytes;
  uint64_t pages = (bytes - std::min(records, bytes / 2)) / kPageSize;
  pages = std::min<uint64_t>(pages, UINT32_MAX);
  uint64_t inodes = inodes_of_budget(bytes, volume.geometry().inodes.count);
  __atomic_store_n(&superblock.cache_pages_max, static_cast<uint32_t>(pages), __ATOMIC_RELAXED);
  __atomic_store_n(&superblock.inodes_max, static_cast<uint32_t>(inodes), __ATOMIC_RELAXED);
  __atomic_store_n(&volume.control().cache_budget, bytes, __ATOMIC_RELAXED);
}

Keeper::Keeper(engine::Volume& volume, format::SessionIndex session, const Settings& settings,
               LetForget let_forget)
    : volume_(volume),
      session_(session),
      settings_(settings),
      let_forget_(std::move(let_forget)),
      budget_(settings.cache_max),
      ahead_(volume),
      thread_([this] { run(); }) {
  if (volume.superblock().ahead_allowed) prefetcher_.emplace(volume, session, ahead_.allowed());
}

Keeper::~Keeper() {
  prefetcher_.reset();
  stop_.store(true);
  thread_.join();
}

// From the head of the list, where the youngest are: all of it is looked at, and what is old is written.
void Keeper::write_back_old(engine::Context& context) {
  const format::Superblock& superblock = volume_.superblock();
  uint64_t limit = engine::load_relaxed(superblock.dirty_pages_max);
  bool many = engine::load_relaxed(superblock.dirty_pages) > limit / 2;
  int64_t old = now_ns() - kDirtyAgeNs;
  uint64_t rounds = engine::load_relaxed(superblock.dirty_count);
  for (format::InodeIndex index = engine::load_relaxed(superblock.dirty_first);
       index != format::InodeIndex::kNone && rounds-- > 0;) {
    const format::InodeRecord* record = volume_.inode(index);
    if (!record) return;
    format::InodeIndex next = engine::load_relaxed(record->cached.dirty_next);
    bool due = many || engine::load_relaxed(record->cached.dirtied_ns) < old;
    auto number = engine::InodeNumber::of(index, engine::load_relaxed(record->generation));
    if (due) (void)volume_.origin()->flush(context, number, false).has_value();
    index = next;
  }
}

void Keeper::set_budget(uint64_t bytes) {
  budget_ = bytes;
  origin::set_budget(volume_, bytes);
}

// True: memory is short. What is thrown out then goes back to the machine at once; the housekeeper would take his time.
bool Keeper::look_at_memory(engine::Context& context, bool is_early) {
  Memory memory = read_memory();
  looked_at_pages_ = pages_in_use(volume_);
  if (is_early && !is_pressed(memory)) return false;
  set_budget(next_budget(budget_, pages_in_use(volume_) * kPageSize, memory, settings_));
  ahead_.allow(memory.available > memory.total / kAheadPart);
  make_room(context, 0);
  bool is_short = is_pressed(memory);
  if (is_short) (void)engine::return_all_free_pages(context.thread, page_return_).has_value();
  return is_short;
}

// What was not used in this round and the kernel remembers. Children first, as a rule: a directory's entry is in use as long as the
// kernel has one of its names.
void Keeper::let_kernel_forget() {
  std::vector<uint64_t> inodes;
  for (uint32_t i = engine::load_relaxed(volume_.superblock().free_inodes.fresh); i-- > 2;) {
    format::InodeIndex index{i};
    const format::InodeRecord* record = volume_.inode(index);
    if (!record || engine::load_relaxed(record->mode) == 0 ||
        engine::load_relaxed(record->kernel_lookups) == 0 ||
        engine::load_relaxed(record->valid_epoch) >= round_epoch_)
      continue;
    inodes.push_back(
        engine::InodeNumber::of(index, engine::load_relaxed(record->generation)).value);
    if (inodes.size() < kForgottenAtOnce) continue;
    let_forget_(inodes.data(), static_cast<uint32_t>(inodes.size()));
    inodes.clear();
  }
  if (!inodes.empty()) let_forget_(inodes.data(), static_cast<uint32_t>(inodes.size()));
}

// A round begins with a new epoch: what is used from then on carries it. A second later, when whoever had just walked to
// something has used it, the kernel is asked to forget the rest, and then it goes.
void Keeper::keep_inodes(engine::Context& context) {
  uint64_t most = engine::load_relaxed(volume_.superblock().inodes_max);
  if (settings_.valid_ms == 0) return;
  int64_t age_ns = now_ns() - round_began_ns_;
  if (round_epoch_ == 0) {
    if (inodes_in_use(volume_) <= most - most / kInodesSpared) return;
    begin_epoch(volume_);
    round_epoch_ = engine::load_relaxed(volume_.superblock().origin_epoch);
    round_began_ns_ = now_ns();
    kernel_was_asked_ = !let_forget_;
  } else if (age_ns > kRoundNs && !kernel_was_asked_) {
    let_kernel_forget();
    kernel_was_asked_ = true;
  } else if (age_ns > kRoundNs + kForgettingNs) {
    (void)evict_inodes(context, most - most / kInodesGoal, round_epoch_, UINT32_MAX);
    round_epoch_ = 0;
  }
}

void Keeper::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  if (!engine::attach_thread(thread, session_)) return;
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  set_budget(budget_);
  uint64_t astray = 0;
  auto next_epoch = std::chrono::steady_clock::now(), next_look = next_epoch;
  while (!stop_.load()) {
    auto now = std::chrono::steady_clock::now();
    if (settings_.valid_ms && now >= next_epoch) {
      next_epoch = now + std::chrono::milliseconds(settings_.valid_ms);
      begin_epoch(volume_);
    }
    write_back_old(context);
    // Without a dirty file no page is: what the count says has gone astray, unless somebody is just beginning.
    format::Superblock& superblock = volume_.superblock();
    uint64_t dirty = engine::load_relaxed(superblock.dirty_pages);
    if (engine::load_relaxed(superblock.dirty_count) == 0 && dirty == astray)
      __atomic_compare_exchange_n(&superblock.dirty_pages, &dirty, 0, false, __ATOMIC_RELAXED,
                                  __ATOMIC_RELAXED);
    astray = dirty;
    // What grows fast may meet a limit before its time has come.
    bool is_early = now < next_look;
    bool grows = pages_in_use(volume_) > looked_at_pages_ + budget_ / kPageSize / kGrowthPart;
    if (!is_early || grows) {
      bool is_short = look_at_memory(context, is_early);
      if (is_short || !is_early) next_look = now + (is_short ? kTick : kLookEvery);
    }
    make_room(context, 0);
    keep_inodes(context);
    std::this_thread::sleep_for(kTick);
  }
  (void)engine::sync_volume(context).has_value();
  engine::detach_thread(thread);
}

}  // namespace bt::origin
