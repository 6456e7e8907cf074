// SPDX-License-Identifier: MIT
#include "origin/prefetcher.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>

#include "engine/cached.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/evict.h"
#include "origin/watch.h"
#include "shm/futex.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kChunk = 32;
constexpr uint64_t kUnusedMax = 1024;  // files and directories
constexpr size_t kTasksMax = 16;
constexpr size_t kLaterMax = 256;
constexpr uint32_t kRestMs = 100;  // after which it looks whether to stop
constexpr uint32_t kCountEvery = 64;

format::InodeRecord* record_of(engine::Volume& volume, InodeNumber number) {
  format::InodeRecord* record = volume.inode(number.index());
  return record && load_relaxed(record->generation) == number.generation() ? record : nullptr;
}

uint64_t count_used(engine::Volume& volume) {
  uint64_t sum = 0;
  uint32_t end = volume.slots_used();
  for (uint32_t i = 1; i < end; i++)
    if (const metrics::Block* block = volume.block(format::SlotIndex{i}))
      sum += load_relaxed(block->events[static_cast<uint32_t>(metrics::Event::k_ahead_used)]);
  return sum;
}

}  // namespace

std::vector<uint32_t> order_of_fetching(uint32_t count) {
  std::vector<uint32_t> order;
  order.reserve(count);
  for (uint32_t chunk = (count + kChunk - 1) / kChunk; chunk-- > 0;)
    for (uint32_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); i++)
      order.push_back(i);
  return order;
}

Prefetcher::Prefetcher(engine::Volume& volume, format::SessionIndex session,
                       const std::atomic<bool>& allowed)
    : volume_(volume),
      session_(session),
      allowed_(allowed),
      taken_(load_relaxed(volume.superblock().ahead_count)),
      thread_([this] { run(); }) {}

Prefetcher::~Prefetcher() {
  stop_.store(true);
  thread_.join();
}

void Prefetcher::take_requests() {
  const format::Superblock& superblock = volume_.superblock();
  uint32_t count = __atomic_load_n(&superblock.ahead_count, __ATOMIC_ACQUIRE);
  if (count - taken_ > format::kAheadRing) taken_ = count - format::kAheadRing;
  for (; taken_ != count; taken_++) {
    const format::AheadRequest& request = superblock.ahead[taken_ % format::kAheadRing];
    auto task = std::make_unique<Task>();
    task->directory.value = load_relaxed(request.directory.value);
    task->what = load_relaxed(request.what);
    task->is_below = false;
    what_ = task->what;
    fetched_unasked_ = 0;
    std::erase(later_, task->directory);
    tasks_.push_back(std::move(task));
  }
  while (tasks_.size() > kTasksMax) tasks_.pop_front();
}

// Nothing is asked for: what the walk will come to. Whoever has ended his walk asks for nothing more, so this ends too.
void Prefetcher::go_on_below() {
  if (fetched_unasked_ > kUnusedMax) later_.clear();
  while (tasks_.empty() && !later_.empty()) {
    const format::InodeRecord* record = record_of(volume_, later_.back());
    if (record && has_subdirectories(*record)) {
      auto task = std::make_unique<Task>();
      task->directory = later_.back();
      task->what = what_;
      task->is_below = false;
      tasks_.push_back(std::move(task));
    }
    later_.pop_back();
  }
}

// Until somebody asks for something.
void Prefetcher::rest() {
  format::Superblock& superblock = volume_.superblock();
  __atomic_store_n(&superblock.ahead_asleep, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&superblock.ahead_count, __ATOMIC_SEQ_CST) == taken_)
    (void)shm::futex_wait(superblock.ahead_count, taken_, kRestMs);
  __atomic_store_n(&superblock.ahead_asleep, 0, __ATOMIC_RELAXED);
}

bool Prefetcher::may_go_on() {
  if (!allowed_.load(std::memory_order_relaxed)) return false;
  if (fetched_ < count_at_) return true;
  uint64_t used = count_used(volume_);
  auto now = Clock::now();
  if (now - second_began_ > std::chrono::seconds(1)) {
    second_began_ = now;
    fetched_ = 0;
    used_before_ = used;
  }
  count_at_ = fetched_ + kCountEvery;
  uint64_t used_now = used - used_before_;
  return fetched_ <= kUnusedMax + 2 * used_now;
}

// The entries of which something may be fetched.
void Prefetcher::begin(Context& context, Task& task) {
  task.is_begun = true;
  std::vector<Entry> entries;
  auto take = [](void* argument, const engine::ListedName& listed) {
    if (listed.cookie > 2)
      static_cast<std::vector<Entry>*>(argument)->push_back({listed.inode, listed.name});
    return true;
  };
  format::DentryIndex hint = format::DentryIndex::kNone;
  if (!engine::list(context, task.directory, 0, hint, take, &entries)) return;
  for (const Entry& entry : entries) {
    const format::InodeRecord* record = task.is_below ? nullptr : record_of(volume_, entry.inode);
    if (record && engine::is_directory(load_relaxed(record->mode)))
      task.directories.push_back(entry.inode);
  }
  for (uint32_t i : order_of_fetching(static_cast<uint32_t>(entries.size())))
    task.entries.push_back(std::move(entries[i]));
}

void Prefetcher::note_fetched(Context& context, InodeNumber inode) {
  if (format::InodeRecord* record = record_of(volume_, inode)) engine::set_ahead_mark(*record);
  count(context, metrics::Event::k_ahead_fetched);
  fetched_++;
  fetched_unasked_++;
}

void Prefetcher::fetch_attributes(Context& context, const Task& task, const Entry& entry) {
  const format::InodeRecord* record = record_of(volume_, entry.inode);
  if (!record || load_relaxed(record->valid_epoch) != 0) return;
  uint64_t change = load_relaxed(record->change);
  int32_t directory = task.file.descriptor();
  SourceAttributes source;
  if (!ask_source(context, directory, entry.name.c_str(), source)) return;
  auto scratch = scratch_of(context);
  if (!scratch) return;
  Text target;
  if ((source.mode & engine::kModeType) == engine::kModeLink) {
    int64_t size =
        base::raw_syscall(SYS_readlinkat, directory, base::raw_argument(entry.name.c_str()),
                          base::raw_argument((*scratch)->link), kPathBytes - 1);
    if (size < 0) return;
    target = {(*scratch)->link, static_cast<uint32_t>(size)};
  }
  if (!engine::store_attributes_ahead(context, entry.inode, source, target, change)) return;
  note_fetched(context, entry.inode);
}

// Its names, and then what is in it.
void Prefetcher::fetch_directory(Context& context, const Task& task, InodeNumber directory) {
  const format::InodeRecord* record = record_of(volume_, directory);
  if (!record || load_relaxed(record->directory.names_epoch) != 0) return;
  uint64_t most = load_relaxed(volume_.superblock().inodes_max);
  if (most && inodes_in_use(volume_) > most - most / 8) return;
  auto below = std::make_unique<Task>();
  below->directory = directory;
  below->what = task.what;
  below->is_below = true;
  if (!list_ahead(context, directory, below->file, task.what & format::kAheadAttributes)) return;
  note_fetched(context, directory);
  tasks_.push_back(std::move(below));
}

void Prefetcher::fetch(Context& context, Task& task, const Entry& entry) {
  const format::InodeRecord* record = record_of(volume_, entry.inode);
  if (!record) return;
  bool is_directory = engine::is_directory(load_relaxed(record->mode));
  if (is_directory && !task.is_below) fetch_directory(context, task, entry.inode);
  if (is_directory || !(task.what & format::kAheadAttributes)) return;
  if (load_relaxed(record->valid_epoch) != 0) return;
  if (task.file.descriptor() < 0) {
    auto scratch = scratch_of(context);
    if (!scratch) return;
    auto path = source_path(context, task.directory, {}, (*scratch)->path[0]);
    if (!path || !task.file.open(context, *path, O_PATH | O_DIRECTORY)) return;
    watch_attributes(context, task.directory, task.file.descriptor(), format::kToldOfNames);
  }
  bool whole = (task.what & format::kAheadPages) &&
               fetch_whole(context, entry.inode, task.file.descriptor(), entry.name.c_str(), false);
  if (whole)
    note_fetched(context, entry.inode);
  else
    fetch_attributes(context, task, entry);
}

void Prefetcher::step(Context& context) {
  Task& task = *tasks_.back();
  if (!task.is_begun) begin(context, task);
  if (!task.entries.empty()) {
    Entry entry = std::move(task.entries.back());
    task.entries.pop_back();
    fetch(context, task, entry);
    return;
  }
  end(task);
}

void Prefetcher::end(Task& task) {
  later_.insert(later_.end(), task.directories.rbegin(), task.directories.rend());
  if (later_.size() > kLaterMax) later_.erase(later_.begin(), later_.end() - kLaterMax);
  // What was found carries an older epoch now, so that its first use comes by and is noticed; names do anyway.
  bool fetched = task.file.descriptor() >= 0 && (task.what & format::kAheadAttributes);
  std::erase_if(tasks_, [&](const auto& each) { return each.get() == &task; });
  if (fetched) begin_epoch(volume_);
}

void Prefetcher::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  if (!engine::attach_thread(thread, session_)) return;
  engine::Credentials daemon;
  daemon.trusted = true;
  Context context{thread, daemon};
  engine::OriginAtWork working(thread);
  while (!stop_.load()) {
    take_requests();
    if (tasks_.empty()) go_on_below();
    if (!tasks_.empty() && !may_go_on()) {
      tasks_.clear();
      later_.clear();
    }
    if (tasks_.empty())
      rest();
    else
      step(context);
  }
  engine::detach_thread(thread);
}

}  // namespace bt::origin
