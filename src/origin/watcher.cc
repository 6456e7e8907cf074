// SPDX-License-Identifier: MIT
#include "origin/watcher.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include "engine/cached.h"
#include "engine/directory_index.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;
using format::InodeIndex;
using Clock = std::chrono::steady_clock;

constexpr int kLookEveryMs = 100;  // whether to stop
// Between two rounds: all that is used is looked up once more in each new epoch.
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kVouchFor = std::chrono::seconds(60);
constexpr size_t kBufferBytes = 256 << 10;
constexpr uint32_t kReadsARound = 16;
// A name of ours that is being changed is at the source a few microseconds before it is here.
constexpr uint32_t kComparisons = 5;
constexpr auto kBetweenComparisons = std::chrono::microseconds(300);

constexpr uint32_t kNameNews = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

uint32_t present_epoch(const engine::Volume& volume) {
  return __atomic_load_n(&volume.superblock().origin_epoch, __ATOMIC_ACQUIRE);
}

// The directory's record, while it is the number's.
format::InodeRecord* directory_record(engine::Volume& volume, InodeNumber number) {
  format::InodeRecord* record = volume.inode(number.index());
  bool is_same = record && load_relaxed(record->generation) == number.generation() &&
                 engine::is_directory(load_relaxed(record->mode));
  return is_same ? record : nullptr;
}

engine::Entry find(Context& context, InodeNumber directory, Text name) {
  engine::Entry entry{};
  uint32_t hash = engine::hash_name(directory.index(), name);
  (void)engine::find_entry(context.thread, directory.index(), name, hash, entry).has_value();
  return entry;
}

// Whether the name stands here for what it stands for at the source.
bool is_the_same(Context& context, InodeNumber directory, const std::string& name) {
  Text text = base::text_of(name.c_str());
  auto scratch = scratch_of(context);
  if (!scratch) return false;
  auto path = source_path(context, directory, text, (*scratch)->path[0]);
  if (!path) return true;  // The directory itself is gone; its own directory has the news.
  SourceAttributes source;
  bool is_there = ask_source(context, source_root(context), *path, source).has_value();
  engine::Entry entry = find(context, directory, text);
  if (!is_there || !entry.child) return !is_there && !entry.child;
  const format::InodeRecord* child = context.volume().inode(entry.child.index());
  return child && load_relaxed(child->origin) == source.number &&
         ((load_relaxed(child->mode) ^ source.mode) & engine::kModeType) == 0;
}

}  // namespace

Watcher::Watcher(engine::Volume& volume, format::SessionIndex session, int instance)
    : volume_(volume), session_(session), instance_(instance), thread_([this] { run(); }) {}

Watcher::~Watcher() {
  stop_.store(true);
  thread_.join();
}

void Watcher::learn(InodeIndex index) {
  const format::InodeRecord* record = volume_.inode(index);
  if (!record || !engine::is_directory(load_relaxed(record->mode))) return;
  int watch = __atomic_load_n(&record->directory.watch, __ATOMIC_ACQUIRE);
  if (watch > 0) directories_[watch] = InodeNumber::of(index, load_relaxed(record->generation));
}

void Watcher::learn_watches() {
  const format::Superblock& superblock = volume_.superblock();
  uint32_t count = __atomic_load_n(&superblock.watched_count, __ATOMIC_ACQUIRE);
  if (count - learnt_ > format::kWatchedRing) learn_all_watches();
  for (; learnt_ != count; learnt_++)
    learn(__atomic_load_n(&superblock.watched[learnt_ % format::kWatchedRing], __ATOMIC_ACQUIRE));
}

void Watcher::learn_all_watches() {
  learnt_ = __atomic_load_n(&volume_.superblock().watched_count, __ATOMIC_ACQUIRE);
  uint32_t end = load_relaxed(volume_.superblock().free_inodes.fresh);
  for (uint32_t i = 1; i < end; i++) learn(InodeIndex{i});
}

// Events were lost, or their time is over.
void Watcher::doubt_everything(Context& context, bool names_too) {
  uint32_t epoch = present_epoch(volume_);
  __atomic_store_n(&volume_.superblock().watch_floor, epoch, __ATOMIC_RELEASE);
  if (!names_too) return;
  learn_all_watches();
  for (auto& [watch, number] : directories_)
    (void)engine::note_news(context, number, engine::News::kRenamed, epoch).has_value();
}

void Watcher::handle_name(Context& context, InodeNumber directory, const char* name,
                          uint32_t mask) {
  uint32_t epoch = present_epoch(volume_);
  if (mask & kNameNews) {
    (void)engine::note_news(context, directory, engine::News::kName, epoch).has_value();
    renamed_[directory.value].insert(name);
  }
  // What is not here by this name was moved, and the event that says so comes later.
  InodeNumber child = find(context, directory, base::text_of(name)).child;
  if (child && !engine::note_news(context, child, engine::News::kItself, epoch).value_or(true))
    (void)engine::note_news(context, directory, engine::News::kChildren, epoch).has_value();
}

void Watcher::handle(Context& context, const inotify_event& event) {
  if (event.mask & IN_Q_OVERFLOW) {
    doubt_everything(context, true);
    return;
  }
  auto found = directories_.find(event.wd);
  if (found == directories_.end() && !searched_) {
    searched_ = true;
    learn_all_watches();
    found = directories_.find(event.wd);
  }
  if (found == directories_.end()) return;
  InodeNumber directory = found->second;
  format::InodeRecord* record = directory_record(volume_, directory);
  bool is_ours = record && record->directory.watch == event.wd;
  if (!is_ours || (event.mask & IN_IGNORED)) {
    if (is_ours) (void)engine::note_watch(context, directory, event.wd, 0).has_value();
    if (!(event.mask & IN_IGNORED)) inotify_rm_watch(instance_, event.wd);
    directories_.erase(found);
    return;
  }
  if (event.len && event.name[0])
    handle_name(context, directory, event.name, event.mask);
  else
    (void)engine::note_news(context, directory, engine::News::kItself, present_epoch(volume_))
        .has_value();
}

void Watcher::compare_names(Context& context) {
  for (auto& [value, names] : renamed_) {
    InodeNumber directory{value};
    for (const std::string& name : names) {
      format::InodeRecord* record = directory_record(volume_, directory);
      if (!record || load_relaxed(record->directory.names_epoch) == 0) break;
      uint32_t tries = 0;
      while (!is_the_same(context, directory, name) && ++tries < kComparisons)
        std::this_thread::sleep_for(kBetweenComparisons);
      if (tries < kComparisons) continue;
      (void)engine::note_news(context, directory, engine::News::kRenamed, present_epoch(volume_))
          .has_value();
      break;
    }
  }
  renamed_.clear();
}

bool Watcher::read_news(Context& context) {
  static thread_local std::vector<char> buffer(kBufferBytes);
  bool any = false;
  searched_ = false;
  for (uint32_t reads = 0; reads < kReadsARound; reads++) {
    ssize_t got = read(instance_, buffer.data(), buffer.size());
    if (got <= 0) break;
    learn_watches();
    any = true;
    for (ssize_t at = 0; at < got;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
      handle(context, event);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  if (any) compare_names(context);
  return any;
}

void Watcher::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  if (!engine::attach_thread(thread, session_)) {
    __atomic_store_n(&volume_.superblock().origin_watched, 0, __ATOMIC_RELEASE);
    return;
  }
  engine::Credentials daemon;
  daemon.trusted = true;
  Context context{thread, daemon};
  engine::OriginAtWork working(thread);
  learn_all_watches();
  auto doubt = Clock::now() + kVouchFor;
  while (!stop_.load()) {
    pollfd polled{instance_, POLLIN, 0};
    bool due = poll(&polled, 1, kLookEveryMs) > 0 && read_news(context);
    if (Clock::now() >= doubt) {
      doubt_everything(context, false);
      doubt = Clock::now() + kVouchFor;
      due = true;
    }
    if (!due) continue;
    begin_epoch(volume_);
    std::this_thread::sleep_for(kPause);
  }
  engine::detach_thread(thread);
}

}  // namespace bt::origin
