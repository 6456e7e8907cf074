// SPDX-License-Identifier: MIT
// One name in one directory, and `..`. Lock-free: the directory's rights, the chain and the child are each read under their
// own sequence; the lookup takes place when the chain's is found unmoved.
#include "base/fence.h"
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/operations.h"
#include "engine/origin.h"

namespace bt::engine {
namespace {

// A child that vanished between the chain and its record was replaced or removed: look again, a bounded number of times.
constexpr uint32_t kLookupAttempts = 100;
// Listings of a directory that others change all the time may never be undisturbed: after so many the origin is asked for the
// name alone.
constexpr uint32_t kListings = 4;

inline Result<void> check_search(Context& context, InodeNumber directory) {
  AccessView view{};
  BT_TRY(read_inode(context.thread, directory, [&](const InodeRecord& record) {
    view = access_view(directory.index(), record);
  }));
  if (!is_directory(view.mode)) [[unlikely]]
    return Error(ENOTDIR);
  return check_permission(context, view, kMayExec, false);
}

inline bool is_current(const Volume& volume, InodeNumber number) {
  return load_relaxed(volume.inode(number.index())->generation) == number.generation();
}

// The name by which a file was found last is the one by which its path at the origin is known.
void remember_name(const Volume& volume, const Entry& entry) {
  InodeRecord* child = volume.inode(entry.child.index());
  if (child && load_relaxed(child->name) != entry.dentry)
    __atomic_store_n(reinterpret_cast<uint32_t*>(&child->name), raw(entry.dentry),
                     __ATOMIC_RELAXED);
}

// How often the directory was listed: who saw no name, and sees another number afterwards, may have looked while names that
// had been evicted were not back yet.
inline uint32_t listings_of(const Volume& volume, InodeNumber directory) {
  const InodeRecord* record = volume.inode(directory.index());
  return record ? load_relaxed(record->directory.listings) : 0;
}

// Whether the directory's names were all here when one was not found.
inline bool is_absent(Context& context, InodeNumber directory, uint32_t listings) {
  base::fence<__ATOMIC_ACQUIRE>();
  const InodeRecord* record = context.volume().inode(directory.index());
  uint32_t now = load_relaxed(context.volume().superblock().origin_epoch);
  bool are_here = record && (now == 0 || __atomic_load_n(&record->directory.names_epoch,
                                                         __ATOMIC_ACQUIRE) != 0);
  return are_here && listings_of(context.volume(), directory) == listings;
}

// The name itself, in a directory that may be searched. one_by_one: and not listed.
inline Result<void> look_up(Context& context, const OriginTable* origin, InodeNumber directory,
                            Text name, uint32_t hash, bool one_by_one, Found& found) {
  Volume& volume = context.volume();
  if (name.size > kNameMax) [[unlikely]]
    return Error(ENAMETOOLONG);
  for (uint32_t attempt = 0; attempt < kLookupAttempts; attempt++) {
    Entry entry;
    uint32_t listings = origin ? listings_of(volume, directory) : 0;
    BT_TRY(find_entry(context.thread, directory.index(), name, hash, entry));
    // The directory's record may have been freed and used again since: its entries would not be those of the number.
    if (!is_current(volume, directory)) [[unlikely]]
      return Error(ESTALE);
    if (!entry.child) {
      if (!origin || (!one_by_one && is_absent(context, directory, listings))) [[likely]]
        return Error(ENOENT);
      if (one_by_one || attempt >= kListings) {
        BT_TRY(origin->fill_name(context, directory, name));
      } else {
        BT_TRY_ASSIGN(one_by_one, require_names_to_search(context, directory));
      }
      continue;
    }
    if (origin) [[unlikely]]
      remember_name(volume, entry);
    if (origin && !require_rights(context, entry.child)) [[unlikely]] {
      // The source has something else by that name, or nothing.
      BT_TRY_ASSIGN(one_by_one, require_names_to_search(context, directory));
      if (one_by_one) BT_TRY(origin->fill_name(context, directory, name));
      continue;
    }
    auto read = read_inode(context.thread, entry.child, [&](const InodeRecord& record) {
      found = {entry.child, load_relaxed(record.mode), load_relaxed(record.uid),
               load_relaxed(record.gid)};
    });
    if (read) [[likely]]
      return {};
    if (read.error() != Error(ESTALE)) return read.error();
  }
  if (origin) return Error(ESTALE);
  // Nobody replaces a name a hundred times in a row while one load is made: the entry names what is not there.
  return BT_DAMAGED(volume);
}

}  // namespace

Result<void> lookup(Context& context, InodeNumber directory, Text name, Found& found) {
  uint32_t hash = hash_name(directory.index(), name);
  __builtin_prefetch(&context.volume().head(hash));
  const OriginTable* origin = origin_of(context);
  bool one_by_one = false;
  if (origin) [[unlikely]] {
    BT_TRY_ASSIGN(one_by_one, require_names_to_search(context, directory));
  }
  BT_TRY(check_search(context, directory));
  return look_up(context, origin, directory, name, hash, one_by_one, found);
}

Result<void> lookup_searched(Context& context, InodeNumber directory, Text name, Found& found) {
  uint32_t hash = hash_name(directory.index(), name);
  const OriginTable* origin = origin_of(context);
  bool one_by_one = false;
  if (origin) [[unlikely]] {
    BT_TRY_ASSIGN(one_by_one, require_names_to_search(context, directory));
  }
  return look_up(context, origin, directory, name, hash, one_by_one, found);
}

Result<InodeNumber> parent_of(Context& context, InodeNumber directory) {
  InodeNumber parent;
  uint32_t mode = 0;
  BT_TRY(read_inode(context.thread, directory, [&](const InodeRecord& record) {
    mode = load_relaxed(record.mode);
    parent.value = load_relaxed(record.directory.parent.value);
  }));
  if (!is_directory(mode)) return Error(ENOTDIR);
  return parent;
}

}  // namespace bt::engine
