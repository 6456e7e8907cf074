// SPDX-License-Identifier: MIT
// The directory index: (parent, name) → child, one hash table for the whole volume, and each directory's entries in the
// order of their cookies (format/dentry_format.h).
//
// An entry of directory P is made, changed and removed only with P's lock AND its stripe's lock held. So readers may
// trust either: lookups validate with the stripe's sequence, listings with the directory's; and who holds P's lock may
// rely on an entry of P that it found lock-free.
#pragma once

#include "base/bytes.h"
#include "base/words.h"
#include "engine/allocator.h"
#include "engine/seq_read.h"

namespace bt::engine {

using base::Text;

inline constexpr uint32_t kNameMax = 255;

// ---- hashing --------------------------------------------------------------------------------------------------------------
namespace detail {
using base::load_half;
using base::load_word;
inline uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
}  // namespace detail

// In the manner of wyhash: words folded by a multiplication. size >= 1.
inline uint32_t hash_name(InodeIndex parent, Text name) {
  constexpr uint64_t kA = 0xa0761d6478bd642f, kB = 0xe7037ed1a0b428db;
  const char* bytes = name.data;
  uint32_t size = name.size;
  uint64_t hash = (raw(parent) ^ static_cast<uint64_t>(size) << 32) * kB ^ kA;
  uint64_t last;
  if (size >= 8) {
    for (uint32_t at = 0; at + 8 < size; at += 8)
      hash = detail::fold(hash ^ detail::load_word(bytes + at), kA);
    last = detail::load_word(bytes + size - 8);
  } else if (size >= 4) {
    last = detail::load_half(bytes) | static_cast<uint64_t>(detail::load_half(bytes + size - 4))
                                          << 32;
  } else {
    auto byte = [&](uint32_t at) { return static_cast<uint64_t>(static_cast<uint8_t>(bytes[at])); };
    last = byte(0) << 16 | byte(size >> 1) << 8 | byte(size - 1);
  }
  hash = detail::fold(hash ^ last, kB);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

// ---- readers --------------------------------------------------------------------------------------------------------------
struct Entry {
  InodeNumber child;  // 0: there is no such name
  DentryIndex dentry;
  uint32_t type;  // DT_…
};
// Lock-free. EIO.
Result<void> find_entry(Thread& thread, InodeIndex parent, Text name, uint32_t hash, Entry& entry);
// The same inside a transaction, where waiting for the stripe could close a circle: EAGAIN after a bounded time. The caller
// rolls back, calls wait_for_stripe and begins anew.
Result<void> try_find_entry(Volume& volume, InodeIndex parent, Text name, uint32_t hash,
                            Entry& entry);
Result<void> wait_for_stripe(Thread& thread, uint32_t hash);

// Copies the whole name (kNameMax + 1 bytes, terminated) of a dentry that may be changing; false when what it found makes
// no sense, which is damage once the reader's sequence proves to have stood.
bool copy_name(const Volume& volume, const DentryRecord& dentry, char* name, uint32_t& size);

// ---- writers --------------------------------------------------------------------------------------------------------------
// Where an entry hangs in its chain.
struct EntryPlace {
  DentryRecord* dentry = nullptr;  // nullptr: there is no such name
  DentryIndex index = DentryIndex::kNone;
  uint32_t* link = nullptr;  // the word of the chain that names it

  InodeNumber child() const { return InodeNumber::of(dentry->child, dentry->child_generation); }
};
// Precondition: the stripe's lock is held. EIO.
Result<void> find_place(const Volume& volume, InodeIndex parent, Text name, uint32_t hash,
                        EntryPlace& place);

// Dentries that a name takes.
constexpr uint32_t dentries_for(uint32_t name_size) {
  return name_size <= kDentryNameBytes
             ? 1
             : 1 + static_cast<uint32_t>(
                       base::divide_up(name_size - kDentryNameBytes, kContinuationNameBytes));
}
inline constexpr uint32_t kDentriesPerNameMax = dentries_for(kNameMax);

// Precondition of all: directory and stripe locked; of insert: no such name, dentries_for(name) prepared. EIO.
Result<void> insert_entry(Transaction& txn, Thread& thread, InodeRecord& directory,
                          InodeIndex parent, Text name, uint32_t hash, InodeNumber child,
                          uint32_t type);
Result<void> remove_entry(Transaction& txn, Thread& thread, InodeRecord& directory,
                          const EntryPlace& place);
// The name stands for another child from now on; its cookie stays.
void replace_child(Transaction& txn, const EntryPlace& place, InodeNumber child, uint32_t type);

// DT_… of a mode.
constexpr uint32_t entry_type(uint32_t mode) { return (mode & 0170000) >> 12; }

}  // namespace bt::engine
