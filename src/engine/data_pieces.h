// SPDX-License-Identifier: MIT
// A position in a list of user pieces, so that a copy can stop at a page's end and go on, or start over (copy the cursor).
#pragma once

#include "base/bytes.h"
#include "base/user_copy.h"
#include "engine/data.h"

namespace bt::engine {

class PieceCursor {
 public:
  PieceCursor(const Piece* pieces, uint32_t count) : piece_(pieces), end_(pieces + count) {}
  // All zeros, without end: what fallocate writes.
  static PieceCursor zeros() { return PieceCursor(nullptr, 0); }

  // Both move on by `size` bytes; the pieces hold that many. False: a fault.
  bool copy_from(char* destination, uint64_t size) {
    if (piece_ == nullptr) return base::zero_user(destination, size);
    return each(size, [&](char* user, uint64_t part) {
      bool good = base::copy_from_user(destination, user, part);
      destination += part;
      return good;
    });
  }
  bool copy_to(const char* source, uint64_t size) {
    return each(size, [&](char* user, uint64_t part) {
      bool good = base::copy_to_user(user, source, part);
      source += part;
      return good;
    });
  }
  bool clear_to(uint64_t size) {
    return each(size, [](char* user, uint64_t part) { return base::zero_user(user, part); });
  }

 private:
  template <typename Use>
  bool each(uint64_t size, Use use) {
    while (size > 0) {
      while (used_ == piece_->size) {
        if (++piece_ == end_) return false;
        used_ = 0;
      }
      uint64_t part = base::min(size, piece_->size - used_);
      if (!use(piece_->data + used_, part)) return false;
      used_ += part;
      size -= part;
    }
    return true;
  }

  const Piece* piece_;
  const Piece* end_;
  uint64_t used_ = 0;
};

// The sum of the pieces; EINVAL when it, from `offset` on, passes INT64_MAX.
inline Result<uint64_t> total_size(const Piece* pieces, uint32_t count, uint64_t offset) {
  if (offset > INT64_MAX) return Error(EINVAL);
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (pieces[i].size > INT64_MAX - offset - total) return Error(EINVAL);
    total += pieces[i].size;
  }
  return total;
}

// write() of bytes from any cursor that holds `total`.
Result<uint64_t> write_source(Context& context, InodeNumber inode, uint64_t offset,
                              PieceCursor source, uint64_t total, const WriteOptions& options,
                              uint64_t& end);

}  // namespace bt::engine
