// SPDX-License-Identifier: MIT
// Making a file inside a transaction that does more than that: create() commits it alone, create_and_open together with an
// open description.
#pragma once

#include "engine/allocator.h"
#include "engine/operations.h"

namespace bt::engine {

struct MadeInode {
  InodeRecord* record =
      nullptr;  // nobody sees it before the commit: fields may be stored without logging
  InodeNumber number;
};

// What must be prepared before the transaction. `directory` because a default ACL there costs a page.
Needs needs_of_entry(Context& context, InodeNumber directory, Text name, const NewInode& what);

// Locks `directory` and the name's stripe (both must be in order for the caller's locks), makes inode and entry. All errors
// of create. EEXIST: the name is there.
Result<void> make_entry(Transaction& txn, Context& context, InodeNumber directory, Text name,
                        const NewInode& what, MadeInode& made);
// O_TMPFILE: an inode without a name (nlink 0); the caller stores opens = 1. linkable: linkat may name it.
Result<void> make_unnamed(Transaction& txn, Context& context, InodeNumber directory,
                          const NewInode& what, bool linkable, MadeInode& made);

// A fresh record but for lock, generation and mode, which is stored last and logged: undone, it must look free again.
void clear_record(InodeRecord& record, uint32_t uid, uint32_t gid, int64_t now);
// What an origin keeps of an inode: its number there, and nothing that is known yet.
void clear_cached_part(InodeRecord& record, uint64_t origin_number);
// That of a directory without entries.
void make_directory_part(InodeRecord& record, InodeNumber parent);

}  // namespace bt::engine
