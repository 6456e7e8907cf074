// SPDX-License-Identifier: MIT
// stat. Lock-free.
#pragma once

#include "base/bytes.h"
#include "engine/origin.h"
#include "engine/permissions.h"

namespace bt::engine {

// What a directory's size is said to be: tmpfs's numbers, which programs know.
inline constexpr uint64_t kBytesPerEntry = 20;

// Copies what Attributes has out of a record; lock held, or under its sequence.
inline void copy_attributes(const InodeRecord& record, InodeNumber number, Attributes& attributes) {
  attributes.inode = number;
  attributes.number = shown_number(record, number.index());
  attributes.mode = load_relaxed(record.mode);
  attributes.uid = load_relaxed(record.uid);
  attributes.gid = load_relaxed(record.gid);
  attributes.nlink = load_relaxed(record.nlink);
  attributes.rdev = load_relaxed(record.rdev);
  attributes.size = is_directory(attributes.mode)
                        ? (load_relaxed(record.directory.entry_count) + 2) * kBytesPerEntry
                        : load_relaxed(record.size);
  attributes.page_count = load_relaxed(record.page_count);
  attributes.atime_ns = load_relaxed(record.atime_ns);
  attributes.mtime_ns = load_relaxed(record.mtime_ns);
  attributes.ctime_ns = load_relaxed(record.ctime_ns);
  attributes.btime_ns = load_relaxed(record.btime_ns);
  attributes.change = load_relaxed(record.change);
  if (uint32_t nlink = load_relaxed(record.source_nlink)) [[unlikely]] {
    // An origin counts names and blocks that are not here.
    bool removed_directory = is_directory(attributes.mode) && attributes.nlink == 0;
    if (!removed_directory) attributes.nlink = nlink;
    if (is_directory(attributes.mode)) attributes.size = load_relaxed(record.size);
    uint64_t blocks = load_relaxed(record.cached.source_blocks);
    bool regular = (attributes.mode & kModeType) == kModeRegular;
    if (regular && !(load_relaxed(record.flags) & kInodeDirty))
      attributes.page_count = base::divide_up(blocks, 8);
  }
}

// read_attributes of operations.h, for who is called most.
[[gnu::always_inline]] inline Result<void> read_attributes_inline(Context& context,
                                                                  InodeNumber inode,
                                                                  Attributes& attributes) {
  BT_TRY(require_attributes(context, inode));
  return read_inode(context.thread, inode,
                    [&](const InodeRecord& record) { copy_attributes(record, inode, attributes); });
}

}  // namespace bt::engine
