// SPDX-License-Identifier: MIT
// Advisory locks: set, clear, test, wait. One transaction a call under the inode's lock; only clearing more than
// kFileLocksAtOnce records goes in several. Waiters sleep on the inode's file_lock_changes, which grows after the commit
// that gave something up; a waiter that the giver died on before waking it looks again after kSleepMaxMs.
#include "engine/file_locks.h"

#include "base/bytes.h"
#include "engine/allocator.h"
#include "engine/housekeeping.h"
#include "shm/futex.h"
#include "shm/token.h"

namespace bt::engine {

namespace {

constexpr uint32_t kSleepMaxMs = 100;
constexpr uint32_t kWaitChainMax = 64;

bool is_flock(uint32_t kind) { return kind == kFileLockFlock; }

bool is_own(const FileLockRecord& record, const LockOwner& owner) {
  return record.kind == owner.kind && record.owner == owner.value;
}

bool conflicts(const FileLockRecord& record, const LockOwner& owner, const LockRange& range) {
  return is_flock(record.kind) == is_flock(owner.kind) && !is_own(record, owner) &&
         record.start <= range.end && record.end >= range.start &&
         (record.exclusive || range.exclusive);
}

// A walk over an inode's list that ends on whatever memory it finds.
class LockList {
 public:
  LockList(const Volume& volume, InodeRecord& inode)
      : volume_(volume),
        place_(&inode.file_locks),
        steps_left_(volume.geometry().file_locks.count) {}

  // The record at hand; nullptr at the end or on damage.
  FileLockRecord* record() {
    if (*place_ == FileLockIndex::kNone) return nullptr;
    FileLockRecord* found = volume_.file_lock(*place_);
    if (!found || steps_left_ == 0) {
      (void)BT_DAMAGED(volume_);
      return nullptr;
    }
    return found;
  }
  void next(FileLockRecord& record) {
    place_ = &record.next;
    steps_left_--;
  }
  FileLockIndex& place() { return *place_; }

 private:
  const Volume& volume_;
  FileLockIndex* place_;
  uint64_t steps_left_;
};

// The one that begins first, as F_GETLK tells it.
const FileLockRecord* find_conflict(const Volume& volume, InodeRecord& inode,
                                    const LockOwner& owner, const LockRange& range) {
  const FileLockRecord* first = nullptr;
  LockList list(volume, inode);
  while (FileLockRecord* record = list.record()) {
    if (conflicts(*record, owner, range) && (!first || record->start < first->start))
      first = record;
    list.next(*record);
  }
  return first;
}

// One change of one owner's locks on one inode, whose lock is held.
class Change {
 public:
  Change(Transaction& txn, Thread& thread, InodeRecord& inode, InodeIndex index,
         const LockOwner& owner)
      : txn_(txn),
        thread_(thread),
        volume_(*thread.volume),
        inode_(inode),
        index_(index),
        owner_(owner) {}

  // Takes the owner's locks out of `range`, cutting those at its edges. With `merge`, locks like it that touch the range
  // are taken out whole and the range grows over them. False: kFileLocksAtOnce were removed and there may be more.
  bool carve(LockRange& range, bool merge) {
    const LockRange wanted = range;
    LockList list(volume_, inode_);
    while (FileLockRecord* record = list.record()) {
      if (!is_own(*record, owner_)) {
        list.next(*record);
        continue;
      }
      bool alike = merge && !!record->exclusive == wanted.exclusive;
      if (alike && touches(*record, wanted)) {
        range.start = base::min(range.start, record->start);
        range.end = base::max(range.end, record->end);
      } else if (record->end < wanted.start || record->start > wanted.end) {
        list.next(*record);
        continue;
      } else if (cut(*record, wanted)) {
        list.next(*record);
        continue;
      }
      if (removed_ == kFileLocksAtOnce) return false;
      remove(list.place(), *record);
    }
    return true;
  }

  Result<void> add(const LockRange& range, bool exclusive) {
    FileLockIndex index = take_file_lock(txn_, thread_);
    FileLockRecord* record = volume_.file_lock(index);
    if (!record) return BT_DAMAGED(volume_);
    // Logged all of it: the record may be one that this transaction gave back.
    txn_.store(record->kind, static_cast<uint32_t>(owner_.kind));
    txn_.store(record->owner, owner_.value);
    txn_.store(record->start, range.start);
    txn_.store(record->end, range.end);
    txn_.store(record->exclusive, static_cast<uint32_t>(exclusive));
    txn_.store(record->pid, owner_.pid);
    txn_.store(record->inode, index_);
    txn_.store(record->next, inode_.file_locks);
    txn_.store(inode_.file_locks, index);
    return {};
  }

  bool gave_up_something() const { return gave_up_; }

 private:
  static bool touches(const FileLockRecord& record, const LockRange& range) {
    bool before = record.end < range.start && record.end + 1 < range.start;
    bool after = record.start > range.end && range.end + 1 < record.start;
    return !before && !after;
  }

  // Leaves what sticks out of `range` on either side. False: nothing does.
  bool cut(FileLockRecord& record, const LockRange& range) {
    bool left = record.start<range.start, right = record.end> range.end;
    gave_up_ = true;
    if (left && right) (void)add({range.end + 1, record.end}, record.exclusive);
    if (left)
      txn_.store(record.end, range.start - 1);
    else if (right)
      txn_.store(record.start, range.end + 1);
    return left || right;
  }

  void remove(FileLockIndex& place, FileLockRecord& record) {
    FileLockIndex index = place;
    gave_up_ = true;
    removed_++;
    txn_.store(place, record.next);
    give_file_lock(txn_, thread_, index);
  }

  Transaction& txn_;
  Thread& thread_;
  const Volume& volume_;
  InodeRecord& inode_;
  InodeIndex index_;
  const LockOwner& owner_;
  uint32_t removed_ = 0;
  bool gave_up_ = false;
};

Result<void> lock_inode(Transaction& txn, InodeRecord& inode, InodeNumber number) {
  BT_TRY(txn.lock(inode.lock, shm::LockRank::kInode));
  if (inode.generation != number.generation() || inode.mode == 0) return Error(ESTALE);
  return {};
}

void wake_waiters(InodeRecord& inode) {
  __atomic_fetch_add(&inode.file_lock_changes, 1, __ATOMIC_SEQ_CST);
  if (__atomic_exchange_n(&inode.file_lock_waiters, 0, __ATOMIC_SEQ_CST))
    shm::futex_wake(inode.file_lock_changes, INT32_MAX);
}

// ---- who waits for whom ----------------------------------------------------------------------------------------------------

// The owner that a live thread of POSIX owner `owner` waits for; 0: none.
uint64_t waits_for(const Volume& volume, uint64_t owner) {
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    SlotRecord* slot = volume.slot(SlotIndex{i});
    if (__atomic_load_n(&slot->waiting_owner, __ATOMIC_RELAXED) == owner &&
        shm::is_alive(shm::token_word(slot->token)))
      return __atomic_load_n(&slot->waiting_for, __ATOMIC_RELAXED);
  }
  return 0;
}

bool would_deadlock(const Volume& volume, uint64_t owner, uint64_t holder) {
  for (uint32_t steps = 0; holder && steps < kWaitChainMax; steps++) {
    if (holder == owner) return true;
    holder = waits_for(volume, holder);
  }
  return false;
}

}  // namespace

uint64_t lock_owner_of(const Volume& volume, SessionIndex session) {
  SessionRecord* record = volume.session(session);
  return record ? uint64_t{record->generation} << 32 | raw(session) : 0;
}

Result<void> set_file_lock(Context& context, InodeNumber number, const LockOwner& owner,
                           const LockRange& range) {
  const Volume& volume = context.volume();
  InodeRecord* inode = volume.inode(number.index());
  if (!inode) return Error(ESTALE);
  if (range.start > range.end) return Error(EINVAL);
  Needs needs;
  needs.file_locks = 2;  // itself, and the far half of one it splits
  BT_TRY(prepare(context.thread, needs));
  bool gave_up;
  {
    Transaction txn(context.thread);
    BT_TRY(lock_inode(txn, *inode, number));
    if (find_conflict(volume, *inode, owner, range)) return Error(EAGAIN);
    Change change(txn, context.thread, *inode, number.index(), owner);
    LockRange merged = range;
    if (!change.carve(merged, true)) return Error(ENOLCK);
    gave_up = change.gave_up_something();
    BT_TRY(change.add(merged, range.exclusive));
    txn.commit();
  }
  if (gave_up) wake_waiters(*inode);  // a lock may have become a shared one
  settle(context.thread);
  return {};
}

Result<void> clear_file_lock(Context& context, InodeNumber number, const LockOwner& owner,
                             const LockRange& range) {
  InodeRecord* inode = context.volume().inode(number.index());
  if (!inode) return Error(ESTALE);
  if (range.start > range.end) return Error(EINVAL);
  for (bool done = false; !done;) {
    if (__atomic_load_n(reinterpret_cast<uint32_t*>(&inode->file_locks), __ATOMIC_RELAXED) == 0)
      return {};
    Needs needs;
    needs.file_locks = 1;  // the far half of a lock that is split
    BT_TRY(prepare(context.thread, needs));
    bool gave_up;
    {
      Transaction txn(context.thread);
      BT_TRY(lock_inode(txn, *inode, number));
      Change change(txn, context.thread, *inode, number.index(), owner);
      LockRange carved = range;
      done = change.carve(carved, false);
      gave_up = change.gave_up_something();
      txn.commit();
    }
    if (gave_up) wake_waiters(*inode);
    settle(context.thread);
  }
  return {};
}

Result<void> release_file_locks(Context& context, InodeNumber inode, FileLockKind kind,
                                uint64_t owner) {
  Housekeeping housekeeping(context.thread);
  auto result = clear_file_lock(context, inode, {kind, owner, 0}, {});
  if (!result && result.error().errno_value() == ESTALE) return {};
  return result;
}

Result<void> test_file_lock(Context& context, InodeNumber number, const LockOwner& owner,
                            const LockRange& range, LockOwner& holder, LockRange& held) {
  InodeRecord* inode = context.volume().inode(number.index());
  if (!inode) return Error(ESTALE);
  Transaction txn(context.thread);
  BT_TRY(lock_inode(txn, *inode, number));
  const FileLockRecord* record = find_conflict(context.volume(), *inode, owner, range);
  if (!record) return Error(ENOENT);
  holder = {static_cast<FileLockKind>(record->kind), record->owner, record->pid};
  held = {record->start, record->end, record->exclusive != 0};
  return {};
}

uint32_t file_lock_changes(Context& context, InodeNumber number) {
  InodeRecord* inode = context.volume().inode(number.index());
  return inode ? __atomic_load_n(&inode->file_lock_changes, __ATOMIC_SEQ_CST) : 0;
}

Result<void> wait_file_lock(Context& context, InodeNumber number, const LockOwner& owner,
                            const LockRange& range, uint32_t seen, uint32_t timeout_ms) {
  InodeRecord* inode = context.volume().inode(number.index());
  if (!inode) return Error(ESTALE);
  SlotRecord& slot = *context.thread.slot;
  if (owner.kind == kFileLockPosix) {
    LockOwner holder;
    LockRange held;
    auto blocked = test_file_lock(context, number, owner, range, holder, held);
    if (!blocked) return blocked.error().errno_value() == ENOENT ? Result<void>() : blocked;
    if (holder.kind == kFileLockPosix) {
      // Published before the look, so that of two that close a ring at once at least one sees it.
      __atomic_store_n(&slot.waiting_for, holder.value, __ATOMIC_SEQ_CST);
      __atomic_store_n(&slot.waiting_owner, owner.value, __ATOMIC_SEQ_CST);
      if (would_deadlock(context.volume(), owner.value, holder.value)) {
        __atomic_store_n(&slot.waiting_owner, uint64_t{0}, __ATOMIC_RELAXED);
        return Error(EDEADLK);
      }
    }
  }
  __atomic_store_n(&inode->file_lock_waiters, 1, __ATOMIC_SEQ_CST);
  int64_t slept =
      shm::futex_wait(inode->file_lock_changes, seen, base::min(timeout_ms, kSleepMaxMs));
  __atomic_store_n(&slot.waiting_owner, uint64_t{0}, __ATOMIC_RELAXED);
  if (slept == -EINTR) return Error(EINTR);
  return {};
}

}  // namespace bt::engine
