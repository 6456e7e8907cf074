// SPDX-License-Identifier: MIT
// Free lists of pools and slots, the orphan list, and what is left over at the end: a record is free, or something refers to
// it, and not both.
#include "engine/check_state.h"

namespace bt::engine {
namespace {

// Walks a list of free records that says it has `count`. A loop ends at the record that is seen twice.
template <typename Index>
void walk_list(CheckState& state, Index head, uint64_t count, uint64_t owner) {
  uint64_t found = 0;
  Index at = head;
  while (found < count && state.claim(at, kOnFreeList, "free list")) {
    at = *free_list::link(state.volume, at);
    found++;
  }
  state.expect("free list length", owner, count, found);
}

template <typename Index>
void walk_pool(CheckState& state, const FreePool& pool) {
  walk_list(state, Index{pool.head}, pool.count, 0);
}

void walk_slot(CheckState& state, const FreeLists& free, uint64_t slot) {
  walk_list(state, free.inodes, free.inode_count, slot);
  walk_list(state, free.dentries, free.dentry_count, slot);
  walk_list(state, free.pages, free.page_count, slot);
  walk_list(state, free.descriptions, free.description_count, slot);
  walk_list(state, free.file_locks, free.file_lock_count, slot);
}

void walk_orphans(CheckState& state) {
  InodeIndex at = state.super.orphans;
  for (uint64_t i = 0; i < state.super.orphan_count; i++) {
    const InodeRecord* inode = state.volume.inode(at);
    if (!inode) return state.violation("orphan list", raw(at), state.super.orphan_count, i);
    uint8_t& mark = state.marks(InodeIndex{})[raw(at)];
    if (mark & kOnOrphanList) return state.violation("orphan list", raw(at), 0, i);
    mark |= kOnOrphanList;
    if (!(inode->flags & kInodeOrphan) || inode->nlink != 0)
      state.violation("orphan list", raw(at), kInodeOrphan, inode->flags);
    state.result.orphans++;
    at = inode->orphan_next;
  }
  state.expect("orphan list", 0, 0, raw(at));
}

// Each record that was ever handed out, free by what it says of itself or not, against the marks.
template <typename Index, typename IsFree>
void find_leaks(CheckState& state, const char* rule, IsFree is_free) {
  for (uint32_t i = 1; i < state.fresh(Index{}); i++) {
    uint8_t seen = state.marks(Index{})[i] & (kOnFreeList | kInUse);
    state.expect(rule, i, is_free(Index{i}) ? kOnFreeList : kInUse, seen);
  }
}

void check_inode(CheckState& state, InodeIndex index) {
  const InodeRecord& inode = *state.volume.inode(index);
  uint32_t i = raw(index);
  uint8_t& mark = state.marks(index)[i];
  if (!is_alive(inode)) return;
  state.result.inodes++;
  bool directory = (inode.mode & 0170000) == 0040000;
  uint64_t nlink = state.names[i];
  if (directory && inode.nlink != 0) nlink = 2 + state.subdirectories[i];
  state.expect("nlink", i, nlink, inode.nlink);
  if (directory && index != InodeIndex::kRoot)
    state.expect("names of a directory", i, inode.nlink ? 1 : 0, state.names[i]);
  state.expect("opens", i, state.opens[i], inode.opens);
  bool orphan = mark & kOnOrphanList;
  if (inode.nlink == 0 && inode.opens == 0 && inode.kernel_lookups == 0 && !orphan)
    state.violation("inode nobody uses", i, 0, inode.mode);
  if (!(mark & kOnFreeList)) mark |= kInUse;
}
}  // namespace

void check_free_lists(CheckState& state) {
  walk_pool<InodeIndex>(state, state.super.free_inodes);
  walk_pool<DentryIndex>(state, state.super.free_dentries);
  walk_pool<PageIndex>(state, state.super.free_pages);
  walk_pool<PageIndex>(state, state.super.returned_pages);
  walk_pool<DescriptionIndex>(state, state.super.free_descriptions);
  walk_pool<FileLockIndex>(state, state.super.free_file_locks);
  for (uint32_t i = 1; i < state.volume.slots_used(); i++)
    walk_slot(state, state.volume.slot(SlotIndex{i})->free, i);
  walk_orphans(state);
}

void check_counts(CheckState& state) {
  const Volume& volume = state.volume;
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++) check_inode(state, InodeIndex{i});
  find_leaks<InodeIndex>(state, "inode neither free nor used",
                         [&](InodeIndex i) { return !is_alive(*volume.inode(i)); });
  for (uint32_t i = 1; i < state.fresh(DentryIndex{}); i++)
    if (!(state.marks(DentryIndex{})[i] & (kOnFreeList | kInUse)))
      state.violation("dentry neither free nor used", i, kOnFreeList, kUnseen);
  find_leaks<DescriptionIndex>(state, "description neither free nor used", [&](DescriptionIndex i) {
    return volume.description(i)->in_use == 0;
  });
  find_leaks<FileLockIndex>(state, "file lock neither free nor used", [&](FileLockIndex i) {
    return state.marks(FileLockIndex{})[raw(i)] != kInUse;
  });
  find_leaks<PageIndex>(state, "page neither free nor used",
                        [&](PageIndex i) { return volume.page_descriptor(i)->use == kPageFree; });
  state.result.pages_free = measure_space(volume).pages_free;
}

}  // namespace bt::engine
