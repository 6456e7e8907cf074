// SPDX-License-Identifier: MIT
// Listing a directory: its entries in the order of their cookies, copied in batches under the directory's sequence. Also the
// access time that reading leaves behind.
#include "engine/clock.h"
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/operations.h"
#include "engine/origin.h"

namespace bt::engine {
namespace {

constexpr uint64_t kCookieDot = 1, kCookieDotDot = 2;

// Copied under one validation; small enough for the stack of a stranger's thread.
constexpr uint32_t kBatchMax = 24;

struct Batch {
  uint32_t mode, nlink;
  InodeNumber parent;
  uint32_t count;
  bool ended;
  bool nonsense;
  DentryIndex index[kBatchMax];
  DentryRecord record[kBatchMax];
  char long_name[kNameMax + 1];  // of the last record, if it does not fit there
};

// The first entry after `cookie`. From the hint if it is the entry with that very cookie, else from the start: what was
// listed before is usually deleted by then, or it is a seek.
DentryIndex first_after(const Volume& volume, InodeIndex directory, const InodeRecord& record,
                        uint64_t cookie, DentryIndex hint, bool& nonsense) {
  const DentryRecord* hinted = volume.dentry(hint);
  if (hinted && cookie > kCookieDotDot && load_relaxed(hinted->cookie) == cookie &&
      load_relaxed(hinted->parent) == directory && load_relaxed(hinted->kind) == kDentryName)
    return load_relaxed(hinted->directory_next);
  DentryIndex index = load_relaxed(record.directory.first);
  for (uint64_t steps = 0; index != DentryIndex::kNone; steps++) {
    const DentryRecord* dentry = volume.dentry(index);
    if (!dentry || steps > volume.geometry().dentries.count) {
      nonsense = true;
      return DentryIndex::kNone;
    }
    if (load_relaxed(dentry->cookie) > cookie) return index;
    index = load_relaxed(dentry->directory_next);
  }
  return index;
}

void fill_batch(const Volume& volume, InodeIndex directory, const InodeRecord& record,
                uint64_t cookie, DentryIndex hint, Batch& batch) {
  batch.mode = load_relaxed(record.mode);
  batch.nlink = load_relaxed(record.nlink);
  batch.count = 0;
  batch.ended = batch.nonsense = false;
  if (!is_directory(batch.mode)) return;
  batch.parent.value = load_relaxed(record.directory.parent.value);
  DentryIndex index = first_after(volume, directory, record, cookie, hint, batch.nonsense);
  while (index != DentryIndex::kNone && batch.count < kBatchMax) {
    const DentryRecord* dentry = volume.dentry(index);
    if (!dentry) {
      batch.nonsense = true;
      return;
    }
    DentryRecord& copy = batch.record[batch.count];
    copy_torn(&copy, dentry, sizeof copy);
    batch.index[batch.count++] = index;
    index = copy.directory_next;
    __builtin_prefetch(volume.dentry(index));
    if (copy.name_size > kDentryNameBytes) {
      uint32_t size;
      batch.nonsense = !copy_name(volume, copy, batch.long_name, size);
      return;
    }
  }
  batch.ended = index == DentryIndex::kNone;
}

// Where no origin has numbers of its own, the records need not be looked at.
uint64_t listed_number(const Volume& volume, InodeNumber inode) {
  return volume.origin() ? shown_number(volume, inode) : raw(inode.index());
}

void make_listed(const Volume& volume, const Batch& batch, uint32_t at, ListedName& entry) {
  const DentryRecord& record = batch.record[at];
  bool is_long = record.name_size > kDentryNameBytes;
  if (is_long)
    __builtin_memcpy(entry.name, batch.long_name, sizeof batch.long_name);
  else
    __builtin_memcpy(entry.name, record.name, kDentryNameBytes);
  entry.name[record.name_size] = 0;
  entry.name_size = record.name_size;
  entry.type = record.type;
  entry.inode = InodeNumber::of(record.child, record.child_generation);
  entry.number = listed_number(volume, entry.inode);
  entry.cookie = record.cookie;
}

void make_dot(const Volume& volume, InodeNumber inode, uint64_t cookie, ListedName& entry) {
  entry.name_size = static_cast<uint32_t>(cookie);
  for (uint32_t i = 0; i < entry.name_size; i++) entry.name[i] = '.';
  entry.name[entry.name_size] = 0;
  entry.type = entry_type(kModeDirectory);
  entry.inode = inode;
  entry.number = listed_number(volume, inode);
  entry.cookie = cookie;
}

}  // namespace

Result<uint64_t> list(Context& context, InodeNumber directory, uint64_t cookie, DentryIndex& hint,
                      TakeEntry take, void* argument) {
  BT_TRY(require_names(context, directory));
  Volume& volume = context.volume();
  ListedName entry;
  Batch batch;
  for (uint64_t taken = 0;;) {
    BT_TRY(read_inode(context.thread, directory, [&](const InodeRecord& record) {
      fill_batch(volume, directory.index(), record, cookie, hint, batch);
    }));
    if (!is_directory(batch.mode)) return Error(ENOTDIR);
    if (batch.nlink == 0) return Error(ENOENT);  // Removed: Linux does not even show the dots.
    if (batch.nonsense) [[unlikely]]
      return BT_DAMAGED(volume);
    for (; cookie < kCookieDotDot; taken++) {
      make_dot(volume, cookie == 0 ? directory : batch.parent, cookie + 1, entry);
      if (!take(argument, entry)) return taken;
      cookie++;
    }
    for (uint32_t at = 0; at < batch.count; at++, taken++) {
      // Cookies grow along the list; one that does not is of a circle, in which a listing would go round for ever.
      if (batch.record[at].cookie <= cookie) [[unlikely]]
        return BT_DAMAGED(volume);
      make_listed(volume, batch, at, entry);
      if (!take(argument, entry)) return taken;
      cookie = entry.cookie;
      hint = batch.index[at];
    }
    if (batch.ended) return taken;
  }
}

Result<void> next_entry(Context& context, InodeNumber directory, uint64_t cookie, DentryIndex& hint,
                        ListedName& entry) {
  struct One {
    ListedName* entry;
    bool full;
  } one{&entry, false};
  auto take = [](void* argument, const ListedName& listed) {
    One& wanted = *static_cast<One*>(argument);
    if (wanted.full) return false;
    __builtin_memcpy(wanted.entry, &listed, sizeof listed);
    wanted.full = true;
    return true;
  };
  BT_TRY_ASSIGN(uint64_t taken, list(context, directory, cookie, hint, take, &one));
  if (taken == 0) return Error(ENOENT);
  return {};
}

}  // namespace bt::engine
