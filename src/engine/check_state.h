// SPDX-License-Identifier: MIT
// What the parts of check_volume share: for each record of each table, what was found to refer to it. Marks are compared with
// the records at the end, so a record that nothing refers to, or two things, shows up.
#pragma once

#include "engine/allocator.h"
#include "engine/check.h"
#include "engine/seq_read.h"

namespace bt::engine {

// One byte a record.
enum Mark : uint8_t {
  kUnseen = 0,
  kOnFreeList = 1,
  kInUse = 2,
  kReachesRoot = 4,  // directories
  kOnOrphanList = 8,
};

class CheckState {
 public:
  CheckState(Context& context, void* scratch, ReportViolation report, void* argument,
             CheckReport& result);
  static uint64_t scratch_size(const Volume& volume);

  void violation(const char* rule, uint64_t object, uint64_t expected, uint64_t found) {
    result.violations++;
    if (report_) report_(argument_, {rule, object, expected, found});
  }
  void expect(const char* rule, uint64_t object, uint64_t expected, uint64_t found) {
    if (expected != found) violation(rule, object, expected, found);
  }

  uint8_t* marks(InodeIndex) { return inode_marks_; }
  uint8_t* marks(DentryIndex) { return dentry_marks_; }
  uint8_t* marks(PageIndex) { return page_marks_; }
  uint8_t* marks(DescriptionIndex) { return description_marks_; }
  uint8_t* marks(FileLockIndex) { return file_lock_marks_; }
  // Marks a record that something refers to; false: out of range, or something else refers to it too (reported).
  template <typename Index>
  bool claim(Index index, uint8_t mark, const char* rule) {
    if (raw(index) == 0 || raw(index) >= fresh(index)) {
      violation(rule, raw(index), 0, raw(index));
      return false;
    }
    uint8_t& seen = marks(index)[raw(index)];
    if (seen & (kOnFreeList | kInUse)) {
      violation(rule, raw(index), mark, seen);
      return false;
    }
    seen |= mark;
    return true;
  }

  // Records from here on were never handed out.
  uint32_t fresh(InodeIndex) const { return limit(super.free_inodes, volume.geometry().inodes); }
  uint32_t fresh(DentryIndex) const {
    return limit(super.free_dentries, volume.geometry().dentries);
  }
  uint32_t fresh(PageIndex) const { return limit(super.free_pages, volume.geometry().pages); }
  uint32_t fresh(DescriptionIndex) const {
    return limit(super.free_descriptions, volume.geometry().descriptions);
  }
  uint32_t fresh(FileLockIndex) const {
    return limit(super.free_file_locks, volume.geometry().file_locks);
  }

  Context& context;
  const Volume& volume;
  const Superblock& super;
  CheckReport& result;
  uint32_t* names;           // per inode: dentries that name it
  uint32_t* subdirectories;  // per inode
  uint32_t* opens;           // per inode: descriptions and working directories
  uint32_t* references;      // per description: table entries
  uint32_t* pins;            // per page: entries of sessions' pin lists

 private:
  static uint32_t limit(const FreePool& pool, const Region& region) {
    return static_cast<uint32_t>(base::min<uint64_t>(load_relaxed(pool.fresh), region.count));
  }

  ReportViolation report_;
  void* argument_;
  uint8_t *inode_marks_, *dentry_marks_, *page_marks_, *description_marks_, *file_lock_marks_;
};

inline bool is_alive(const InodeRecord& inode) { return inode.mode != 0; }

// In this order: each builds on the marks of those before.
void check_locks(CheckState& state);       // nobody dead or outside a transaction holds one
void check_free_lists(CheckState& state);  // slots, pools, orphans
void check_names(CheckState& state);       // directories, dentries, hash chains
void check_origin_index(CheckState& state);
void check_sessions(CheckState& state);  // tables, descriptions, pins
void check_pages(CheckState& state);     // data, attributes
void check_file_locks(CheckState& state);
void check_counts(CheckState& state);  // what was found against what the records say; leaks

}  // namespace bt::engine
