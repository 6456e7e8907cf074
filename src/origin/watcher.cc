// SPDX-License-Identifier: MIT
#include "origin/watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include "engine/cached.h"
#include "engine/directory_index.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/source.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;
using format::InodeIndex;
using Clock = std::chrono::steady_clock;

constexpr int kLookEveryMs = 100;  // whether to stop
// Between two rounds: all that is used is looked up once more in each new epoch.
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kSecond = std::chrono::seconds(1);
constexpr auto kVouchFor = std::chrono::seconds(60);
constexpr size_t kBufferBytes = 256 << 10;
constexpr uint32_t kReadsARound = 16;
// A name of ours that is being changed is at the source a few microseconds before it is here.
constexpr uint32_t kComparisons = 5;
constexpr auto kBetweenComparisons = std::chrono::microseconds(300);

// Own changes of attributes in a directory, in a second, of which it is better not to be told.
constexpr uint32_t kBusy = 1024;
// Directories for which more is asked at once, some 2 ms.
constexpr size_t kAskedAtOnce = 32;

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
  if (watch <= 0) return;
  auto number = InodeNumber::of(index, load_relaxed(record->generation));
  directories_[watch] = number;
  uint32_t told = load_relaxed(record->directory.children_epoch);
  if (told == format::kToldOfNames) told_of_names_.push_back(number);
  if (told == format::kToldOfNamesForNow)
    not_told_now_.try_emplace(number.value, load_relaxed(record->directory.own_changes));
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
    if (is_ours) (void)engine::note_watch(context, directory, event.wd, 0, 0).has_value();
    if (!(event.mask & IN_IGNORED)) inotify_rm_watch(instance_, event.wd);
    directories_.erase(found);
    return;
  }
  if (event.mask & IN_ATTRIB) look_whether_busy(directory, record->directory);
  if (event.len && event.name[0])
    handle_name(context, directory, event.name, event.mask);
  else
    (void)engine::note_news(context, directory, engine::News::kItself, present_epoch(volume_))
        .has_value();
}

void Watcher::look_whether_busy(InodeNumber directory, const format::DirectoryPart& part) {
  uint32_t changes = load_relaxed(part.own_changes);
  auto [known, is_new] = own_changes_.try_emplace(directory.value, changes);
  if (!is_new && changes - known->second > kBusy) busy_.insert(directory.value);
}

namespace {

// Opens the directory at the source, as long as it is what it was here.
bool open_directory(Context& context, InodeNumber directory, const format::InodeRecord& record,
                    SourceFile& file) {
  auto scratch = scratch_of(context);
  if (!scratch) return false;
  auto path = source_path(context, directory, {}, (*scratch)->path[0]);
  if (!path || !file.open(context, *path, O_PATH | O_DIRECTORY)) return false;
  SourceAttributes source;
  return ask_source(context, file.descriptor(), "", source) &&
         source.number == load_relaxed(record.origin);
}

}  // namespace

void Watcher::leave_busy(Context& context) {
  for (uint64_t value : busy_) {
    InodeNumber directory{value};
    const format::InodeRecord* record = directory_record(volume_, directory);
    SourceFile file;
    if (!record || !open_directory(context, directory, *record, file)) continue;
    unwatch_attributes(context, directory, file.descriptor());
    not_told_now_[value] = load_relaxed(record->directory.own_changes);
  }
  busy_.clear();
}

// True: it is told of everything again, or gone.
bool Watcher::end_busy(Context& context, InodeNumber directory, uint32_t& changes_before) {
  const format::InodeRecord* record = directory_record(volume_, directory);
  if (!record) return true;
  uint32_t changes = load_relaxed(record->directory.own_changes);
  bool is_busy = changes - changes_before > kBusy;
  changes_before = changes;
  if (is_busy) return false;
  SourceFile file;
  if (open_directory(context, directory, *record, file))
    watch_attributes(context, directory, file.descriptor(), format::kToldOfNamesForNow);
  return load_relaxed(record->directory.children_epoch) != format::kToldOfNamesForNow;
}

void Watcher::end_of_second(Context& context) {
  own_changes_.clear();
  for (auto at = not_told_now_.begin(); at != not_told_now_.end();)
    at = end_busy(context, InodeNumber{at->first}, at->second) ? not_told_now_.erase(at)
                                                               : std::next(at);
}

// Nobody has listed anything since it looked the last time.
bool Watcher::is_at_rest() {
  learn_watches();
  bool rests = learnt_ == watched_before_;
  watched_before_ = learnt_;
  return rests;
}

// Of directories that were listed for their names alone: what comes next may be a look at what is in them, and what was found
// before the watch would have to be looked at again.
void Watcher::ask_for_more(Context& context) {
  std::vector<InodeNumber> asked;
  while (!told_of_names_.empty() && asked.size() < kAskedAtOnce) {
    InodeNumber directory = told_of_names_.back();
    told_of_names_.pop_back();
    const format::InodeRecord* record = directory_record(volume_, directory);
    if (!record || load_relaxed(record->directory.children_epoch) != format::kToldOfNames) continue;
    SourceFile file;
    if (!open_directory(context, directory, *record, file)) continue;
    watch_attributes(context, directory, file.descriptor(), format::kToldOfNames);
    asked.push_back(directory);
  }
  for (InodeNumber directory : asked) (void)look_again(context, directory).has_value();
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
  auto doubt = Clock::now() + kVouchFor, second = Clock::now() + kSecond;
  bool is_asking = false;
  while (!stop_.load()) {
    pollfd polled{instance_, POLLIN, 0};
    bool is_quiet = poll(&polled, 1, is_asking ? 1 : kLookEveryMs) == 0;
    bool due = !is_quiet && read_news(context);
    is_asking = is_quiet && is_at_rest() && !told_of_names_.empty();
    if (is_asking) ask_for_more(context);
    if (!busy_.empty()) leave_busy(context);
    if (Clock::now() >= second) {
      end_of_second(context);
      second = Clock::now() + kSecond;
    }
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
