// SPDX-License-Identifier: MIT
#include "origin/habit.h"

#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/source.h"
#include "shm/futex.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;
using format::DentryIndex;

// So many in a row are a habit, and it is believed in for so many listings that do not confirm it.
constexpr uint32_t kInARow = 3;
constexpr uint32_t kBelieved = 8;
// Fewer entries are not worth waking anybody.
constexpr uint64_t kWorthwhile = 8;
// A walker looks at each directory itself, before and after it is opened.
constexpr uint64_t kLooksADirectory = 3;

// nullptr: nothing is fetched ahead.
Habit* habit_of(Context& context) {
  if (!load_relaxed(context.volume().superblock().ahead_allowed)) return nullptr;
  auto scratch = scratch_of(context);
  return scratch ? &(*scratch)->habit : nullptr;
}

uint64_t times(const Context& context, metrics::Operation operation) {
  uint64_t sum = 0;
  for (uint64_t count : context.thread.block->counts[static_cast<uint32_t>(operation)])
    sum += count;
  return sum;
}

void believe(uint32_t& belief, bool confirmed) {
  if (confirmed)
    belief = kBelieved;
  else if (belief)
    belief--;
}

// What the thread has done since it listed the last directory: something to each entry, or to most?
void learn(Context& context, Habit& habit) {
  using metrics::Operation;
  uint64_t looks = times(context, Operation::k_stat) + times(context, Operation::k_lookup);
  uint64_t reads = times(context, Operation::k_read);
  const format::InodeRecord* last = context.volume().inode(habit.directory.index());
  uint64_t most = last ? load_relaxed(last->directory.entry_count) / 2 + 1 : UINT64_MAX;
  bool reads_most = reads - habit.reads >= most;
  believe(habit.attributes, reads_most || looks - habit.looks >= most + kLooksADirectory);
  believe(habit.pages, reads_most);
  habit.looks = looks;
  habit.reads = reads;
}

uint32_t wanted(const Habit& habit) {
  return (habit.attributes ? format::kAheadAttributes : 0) |
         (habit.pages ? format::kAheadPages : 0);
}

// Whether the entry is the third or a later one in a row; true once a row.
bool goes_on(const engine::Volume& volume, Habit::Run& run, DentryIndex entry) {
  const format::DentryRecord* dentry = volume.dentry(entry);
  if (!dentry) return false;
  run.length = entry == run.next ? run.length + 1 : 1;
  run.next = load_relaxed(dentry->directory_next);
  return run.length == kInARow;
}

// A row of entries is a habit already, in one large directory.
void note_entry(Context& context, Habit& habit, Habit::Run& run, const format::InodeRecord& record,
                bool reads) {
  engine::Volume& volume = context.volume();
  DentryIndex name = load_relaxed(record.name);
  if (!goes_on(volume, run, name)) return;
  habit.attributes = kBelieved;
  if (reads) habit.pages = kBelieved;
  const format::DentryRecord* dentry = volume.dentry(name);
  const format::InodeRecord* above = volume.inode(load_relaxed(dentry->parent));
  if (!above || !engine::is_directory(load_relaxed(above->mode)) ||
      load_relaxed(above->directory.entry_count) < kWorthwhile)
    return;
  ask_ahead(volume, InodeNumber::of(load_relaxed(dentry->parent), load_relaxed(above->generation)),
            wanted(habit));
}

}  // namespace

bool wants_attributes(Context& context) {
  Habit* habit = habit_of(context);
  return habit && (habit->attributes || habit->pages);
}

bool wants_pages(Context& context) {
  Habit* habit = habit_of(context);
  return habit && habit->pages;
}

void note_listing(Context& context, InodeNumber directory) {
  Habit* habit = habit_of(context);
  if (!habit || directory == format::kRootInode) return;
  engine::Volume& volume = context.volume();
  const format::InodeRecord* record = volume.inode(directory.index());
  if (!record || !engine::is_directory(load_relaxed(record->mode))) return;
  learn(context, *habit);
  InodeNumber parent{load_relaxed(record->directory.parent.value)};
  habit->siblings = parent == habit->parent ? habit->siblings + 1 : 1;
  habit->directory = directory;
  habit->parent = parent;
  bool began = habit->walks == 0 && habit->siblings >= kInARow;
  believe(habit->walks, habit->siblings >= kInARow);
  if (began) ask_ahead(volume, parent, wanted(*habit));
  uint32_t what = wanted(*habit);
  if (habit->walks && (what || has_subdirectories(*record))) ask_ahead(volume, directory, what);
}

void note_attribute_miss(Context& context, const format::InodeRecord& record) {
  // Who walks down looks at each directory on his way.
  if (engine::is_directory(load_relaxed(record.mode))) return;
  Habit* habit = habit_of(context);
  if (habit) note_entry(context, *habit, habit->asked, record, false);
}

void note_page_miss(Context& context, InodeNumber inode) {
  Habit* habit = habit_of(context);
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (habit && record) note_entry(context, *habit, habit->opened, *record, true);
}

void ask_ahead(engine::Volume& volume, InodeNumber directory, uint32_t what) {
  format::Superblock& superblock = volume.superblock();
  uint32_t place = load_relaxed(superblock.ahead_count) % format::kAheadRing;
  format::AheadRequest& request = superblock.ahead[place];
  __atomic_store_n(&request.directory.value, directory.value, __ATOMIC_RELAXED);
  __atomic_store_n(&request.what, what, __ATOMIC_RELAXED);
  // Full barriers on both sides: one of the two sees the other's store (Prefetcher::rest).
  __atomic_add_fetch(&superblock.ahead_count, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&superblock.ahead_asleep, __ATOMIC_SEQ_CST))
    shm::futex_wake(superblock.ahead_count, 1);
}

}  // namespace bt::origin
