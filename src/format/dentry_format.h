// SPDX-License-Identifier: MIT
// One name in one directory, 64 bytes, and the hash index over all of them.
//
// Index: `head[hash & (heads - 1)]` starts a chain of dentries through chain_next. Head h and all dentries whose hash
// falls on it are guarded by stripe `h % stripes`; readers validate with the stripe's sequence. Two heads of one 8-byte
// word can belong to two stripes, hence heads are logged as 4-byte values.
//
// Names over kDentryNameBytes go on in further records of this table (continuation, mode of use kept in `kind`).
#pragma once

#include "format/lock_format.h"
#include "format/types.h"

namespace bt::format {

inline constexpr uint32_t kDentryNameBytes = 20;
inline constexpr uint32_t kContinuationNameBytes = 52;

enum DentryKind : uint8_t { kDentryFree = 0, kDentryName = 1, kDentryContinuation = 2 };

struct DentryRecord {
  DentryIndex chain_next;          // 0   guarded by the stripe; of a free record: the free list
  uint32_t hash;                   // 4   guarded by the stripe
  InodeIndex parent;               // 8   guarded by the stripe
  InodeIndex child;                // 12  guarded by the stripe
  uint32_t child_generation;       // 16  guarded by the stripe
  DentryIndex directory_next;      // 20  guarded by the parent directory's lock
  DentryIndex directory_previous;  // 24  guarded by the parent directory's lock
  DentryIndex continuation;        // 28  guarded by the stripe
  uint64_t cookie;    // 32  guarded by the parent directory's lock; 0 = not in a directory
  uint8_t kind;       // 40  DentryKind
  uint8_t type;       // 41  DT_… of the child
  uint8_t name_size;  // 42  1..255
  uint8_t seen;       // 43  guarded by the stripe; the listing of the origin that met it last
  char name[kDentryNameBytes];  // 44
};
static_assert(sizeof(DentryRecord) == 64);

struct DentryContinuation {
  DentryIndex next;  // 0
  uint8_t kind;      // 4
  uint8_t reserved[7];
  char name[kContinuationNameBytes];  // 12
};
static_assert(sizeof(DentryContinuation) == 64);

// A cache line of its own, so that work in different directories does not share one.
struct StripeRecord {
  LockRecord lock;  // rank stripe
  uint64_t reserved[6];
};
static_assert(sizeof(StripeRecord) == 64);

}  // namespace bt::format
