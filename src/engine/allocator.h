// SPDX-License-Identifier: MIT
// Free records. Each slot keeps short lists of its own (format FreeLists), refilled from and flushed to the volume's
// pools in batches, by transactions: nothing leaks when a process dies between two steps.
//
// prepare() runs BEFORE the caller's transaction takes its locks and makes sure that many of each are at hand; take_x and
// give_x then only move records between the slot's list and the caller's structures, logged, inside its transaction.
#pragma once

#include "engine/transaction.h"

namespace bt::engine {

struct Needs {
  uint32_t inodes = 0;
  uint32_t dentries = 0;
  uint32_t pages = 0;
  uint32_t descriptions = 0;
  uint32_t file_locks = 0;
};

// ENOSPC (inodes, dentries, pages), ENFILE (descriptions), ENOLCK (file locks).
Result<void> prepare(Thread& thread, const Needs& needs);
// Flushes lists that grew beyond their limit; call after a commit that gave records back. Never fails.
void settle(Thread& thread);

// Precondition: prepare() promised it. The record's contents are rubbish except its free link.
InodeIndex take_inode(Transaction& txn, Thread& thread);
DentryIndex take_dentry(Transaction& txn, Thread& thread);
// use: PageUse. The page's 4096 bytes are rubbish.
PageIndex take_page(Transaction& txn, Thread& thread, InodeIndex owner, uint32_t index, uint8_t use);
DescriptionIndex take_description(Transaction& txn, Thread& thread);
FileLockIndex take_file_lock(Transaction& txn, Thread& thread);

// Precondition: nothing refers to the record any more once the transaction commits.
void give_inode(Transaction& txn, Thread& thread, InodeIndex inode);
void give_dentry(Transaction& txn, Thread& thread, DentryIndex dentry);
void give_page(Transaction& txn, Thread& thread, PageIndex page);
void give_description(Transaction& txn, Thread& thread, DescriptionIndex description);
void give_file_lock(Transaction& txn, Thread& thread, FileLockIndex file_lock);

// Sums over pools and slots; exact when nothing runs. For statfs and check.
struct Space {
  uint64_t pages_total, pages_free, inodes_total, inodes_free;
};
Space measure_space(const Volume& volume);

}  // namespace bt::engine
