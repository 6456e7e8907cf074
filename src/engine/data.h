// SPDX-License-Identifier: MIT
// The bytes of regular files. Same promises as operations.h; in particular a write is all there for readers or not at
// all up to 64 KiB, and a reader never sees another file's bytes.
#pragma once

#include "engine/operations.h"

namespace bt::engine {

// A program's buffer may be bad memory: copies go through base/user_copy.h and give EFAULT. The daemon's never are.
struct Piece {
  char* data;
  uint64_t size;
};

// Bytes read; 0 at or beyond the end. offset + sizes must not pass INT64_MAX (EINVAL). EISDIR, EFAULT.
Result<uint64_t> read(Context& context, InodeNumber inode, uint64_t offset, const Piece* pieces,
                      uint32_t piece_count);

struct WriteOptions {
  bool append = false;               // ignore offset: the end of the file, atomically
  uint64_t size_limit = UINT64_MAX;  // RLIMIT_FSIZE: writes beyond are cut; EFBIG when nothing fits
};
// Bytes written (short when the volume fills up on the way); `end` is the offset after them. Clears suid/sgid without
// fsetid. ENOSPC, EFBIG, EFAULT, EISDIR.
Result<uint64_t> write(Context& context, InodeNumber inode, uint64_t offset, const Piece* pieces,
                       uint32_t piece_count, const WriteOptions& options, uint64_t& end);

// mode: FALLOC_FL_KEEP_SIZE 1, PUNCH_HOLE 2, COLLAPSE_RANGE 8, ZERO_RANGE 16, INSERT_RANGE 32. EOPNOTSUPP, EINVAL, ENOSPC.
Result<void> allocate_range(Context& context, InodeNumber inode, uint32_t mode, uint64_t offset,
                            uint64_t size, uint64_t size_limit);
// SEEK_DATA (hole = false) or SEEK_HOLE. ENXIO.
Result<uint64_t> seek_data(Context& context, InodeNumber inode, uint64_t offset, bool hole);

// fsync and fdatasync: nothing to do for a scratch volume; with an origin, comes back when its storage has the data. Tells a
// failed write-back, once.
Result<void> sync_file(Context& context, InodeNumber inode);
// What close tells: a failed write-back, once. One load when there is nothing to tell.
Result<void> report_write_error(Context& context, InodeNumber inode);
// sync, syncfs: every file of the volume.
Result<void> sync_volume(Context& context);

// For mmap: the page of the volume behind page `index` of the file, pinned by the thread's session (kept out of reuse
// until unpinned, or the session ends: engine/mapping.h). Holes are filled when `writable`. kNone: a hole, map zeros.
// ENXIO: beyond the end.
Result<PageIndex> pin_page(Context& context, InodeNumber inode, uint64_t index, bool writable);
Result<void> unpin_page(Context& context, PageIndex page);

// Used by set_attributes(kSize) and by reclaiming: inside the caller's transaction steps; see engine/file_pages.h.

}  // namespace bt::engine
