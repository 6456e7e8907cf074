// SPDX-License-Identifier: MIT
// Directories and names: each entry is in its directory's list and in the chain of its hash, names a live inode of the type
// it says, and every directory leads to the root.
#include "base/limits.h"
#include "engine/check_state.h"
#include "engine/directory_index.h"

namespace bt::engine {
namespace {

bool is_directory_record(const InodeRecord& inode) { return (inode.mode & 0170000) == 0040000; }

// The chain of its hash leads to the dentry.
bool is_in_chain(const Volume& volume, DentryIndex index, const DentryRecord& dentry) {
  DentryIndex at{volume.head(dentry.hash)};
  for (uint32_t steps = 0; steps < base::kChainLengthMax; steps++) {
    if (at == index) return true;
    const DentryRecord* record = volume.dentry(at);
    if (!record) return false;
    at = record->chain_next;
  }
  return false;
}

void check_name(CheckState& state, InodeIndex parent, DentryIndex index,
                const DentryRecord& dentry) {
  char name[kNameMax + 1];
  uint32_t size = 0;
  if (!copy_name(state.volume, dentry, name, size) || size == 0)
    return state.violation("name", raw(index), 0, dentry.name_size);
  state.expect("hash", raw(index), hash_name(parent, {name, size}), dentry.hash);
  if (!is_in_chain(state.volume, index, dentry))
    state.violation("hash chain", raw(index), dentry.hash, 0);
  DentryIndex more = dentry.continuation;
  for (uint32_t i = 1; i < dentries_for(size); i++) {
    if (!state.claim(more, kInUse, "name continuation")) return;
    more = reinterpret_cast<const DentryContinuation*>(state.volume.dentry(more))->next;
  }
}

void check_child(CheckState& state, InodeIndex parent, DentryIndex index,
                 const DentryRecord& dentry) {
  const InodeRecord* child = state.volume.inode(dentry.child);
  if (!child || !is_alive(*child) || child->generation != dentry.child_generation)
    return state.violation("name of nothing", raw(index), dentry.child_generation,
                           child ? child->generation : 0);
  state.names[raw(dentry.child)]++;
  state.expect("type of a name", raw(index), entry_type(child->mode), dentry.type);
  if (!is_directory_record(*child)) return;
  state.subdirectories[raw(parent)]++;
  state.expect("parent", raw(dentry.child), raw(parent), raw(child->directory.parent.index()));
}

void check_directory(CheckState& state, InodeIndex index, const InodeRecord& inode) {
  const DirectoryPart& directory = inode.directory;
  state.result.directories++;
  uint64_t cookie = 2, count = 0;
  DentryIndex previous = DentryIndex::kNone, at = directory.first;
  for (; at != DentryIndex::kNone && count < directory.entry_count; count++) {
    if (!state.claim(at, kInUse, "directory list")) return;
    const DentryRecord& dentry = *state.volume.dentry(at);
    state.expect("kind of a name", raw(at), kDentryName, dentry.kind);
    state.expect("directory of a name", raw(at), raw(index), raw(dentry.parent));
    state.expect("backward link", raw(at), raw(previous), raw(dentry.directory_previous));
    if (dentry.cookie <= cookie || dentry.cookie >= directory.next_cookie)
      state.violation("cookie", raw(at), cookie + 1, dentry.cookie);
    cookie = dentry.cookie;
    check_name(state, index, at, dentry);
    check_child(state, index, at, dentry);
    previous = at;
    at = dentry.directory_next;
    state.result.dentries++;
  }
  state.expect("entry count", raw(index), directory.entry_count, count);
  state.expect("directory list", raw(index), 0, raw(at));
  state.expect("directory list", raw(index), raw(previous), raw(directory.last));
}

// Follows parents until the root or a directory that is known to lead there; marks the way if it does.
void check_way_to_root(CheckState& state, InodeIndex start) {
  uint8_t* marks = state.marks(InodeIndex{});
  InodeIndex at = start;
  for (uint32_t steps = 0; !(marks[raw(at)] & kReachesRoot); steps++) {
    const InodeRecord* inode = state.volume.inode(at);
    if (!inode || !is_alive(*inode) || !is_directory_record(*inode) ||
        steps > state.fresh(InodeIndex{}))
      return state.violation("way to the root", raw(start), 1, raw(at));
    at = inode->directory.parent.index();
    if (!state.volume.inode(at)) return state.violation("way to the root", raw(start), 1, raw(at));
  }
  for (at = start; !(marks[raw(at)] & kReachesRoot);
       at = state.volume.inode(at)->directory.parent.index())
    marks[raw(at)] |= kReachesRoot;
}
}  // namespace

void check_names(CheckState& state) {
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++) {
    const InodeRecord& inode = *state.volume.inode(InodeIndex{i});
    if (is_alive(inode) && is_directory_record(inode)) check_directory(state, InodeIndex{i}, inode);
  }
  state.marks(InodeIndex{})[raw(InodeIndex::kRoot)] |= kReachesRoot;
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++) {
    const InodeRecord& inode = *state.volume.inode(InodeIndex{i});
    if (is_alive(inode) && is_directory_record(inode) && inode.nlink != 0)
      check_way_to_root(state, InodeIndex{i});
  }
}

}  // namespace bt::engine
