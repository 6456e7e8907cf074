// SPDX-License-Identifier: MIT
// mknod, mkdir and symlink. Locks: the directory, the name's stripe. Log: at most 45 entries (docs/transactions.md).
#include "engine/make_entry.h"
#include "engine/origin.h"
#include "engine/read_attributes.h"

namespace bt::engine {

Result<void> create(Context& context, InodeNumber directory, Text name, const NewInode& what,
                    Attributes& made) {
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->create(context, directory, name, what, made);
  BT_TRY(prepare(context.thread, needs_of_entry(context, directory, name, what)));
  Transaction txn(context.thread);
  MadeInode inode;
  BT_TRY(make_entry(txn, context, directory, name, what, inode));
  // Copied before the commit: afterwards the record is everybody's.
  copy_attributes(*inode.record, inode.number, made);
  txn.commit();
  return {};
}

}  // namespace bt::engine
