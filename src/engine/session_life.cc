// SPDX-License-Identifier: MIT
// What happens to a session after it was opened: fork clones it, exec carries it over, its end drops what it holds. Each
// step is a transaction of its own and can be repeated: a process killed half-way leaves a session that is smaller, or a
// clone that is not complete yet, and the daemon closes either.
#include "engine/descriptor_table.h"
#include "engine/inode_lock.h"
#include "engine/mapping.h"
#include "engine/reclaim.h"
#include "engine/session.h"

namespace bt::engine {
namespace {

// Gives up the open of the directory left last, if any.
Result<void> finish_leaving(Context& context, SessionIndex index) {
  const SessionRecord* peek = context.volume().session(index);
  if (!peek || !load_relaxed(peek->leaving.value)) return {};
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, context.volume(), index));
  InodeNumber leaving = session->leaving;
  if (!leaving) return {};
  txn.store(session->leaving, InodeNumber{});
  BT_TRY_ASSIGN(bool orphan, drop_open(txn, context.thread, leaving));
  txn.commit();
  if (orphan) BT_TRY(sweep_orphans(context.thread, kSweepAll));
  settle(context.thread);
  return {};
}

// Copies one entry of `from` to `to`, if it is there still.
Result<void> clone_entry(Context& context, SessionIndex from, SessionIndex to, int32_t fd) {
  const Volume& volume = context.volume();
  Needs needs;
  needs.pages = find_entry_place(volume, *volume.session(to), fd) ? 0 : 1;
  BT_TRY(prepare(context.thread, needs));
  Transaction txn(context.thread);
  // Sessions by index, as everybody who takes two.
  SessionIndex first = raw(from) < raw(to) ? from : to;
  BT_TRY(lock_session(txn, volume, first));
  BT_TRY(lock_session(txn, volume, first == from ? to : from));
  uint32_t* source = find_entry_place(volume, *volume.session(from), fd);
  if (!source || *source == 0) return {};
  SessionRecord& clone = *volume.session(to);
  BT_TRY_ASSIGN(uint32_t * place, make_entry_place(txn, context.thread, clone, fd));
  if (*place) return BT_DAMAGED(volume);
  BT_TRY_ASSIGN(DescriptionRecord * record, open_record(volume, description_of(*source)));
  BT_TRY(txn.lock(record->lock, shm::LockRank::kDescription));
  txn.store(record->references, record->references + 1);
  store_entry(txn, clone, *place, *source);
  txn.commit();
  return {};
}

Result<void> clone_contents(Context& context, SessionIndex from, SessionIndex to) {
  const Volume& volume = context.volume();
  for (int32_t fd = next_descriptor(volume, from, 0); fd >= 0;
       fd = next_descriptor(volume, from, fd + 1))
    BT_TRY(clone_entry(context, from, to, fd));
  InodeNumber cwd = {load_relaxed(volume.session(from)->cwd.value)};
  if (cwd) BT_TRY(set_working_directory(context, to, cwd));
  return clone_pins(context, from, to);
}

Result<void> drop_close_on_exec(Context& context, SessionIndex session) {
  const Volume& volume = context.volume();
  for (int32_t fd = next_descriptor(volume, session, 0); fd >= 0;
       fd = next_descriptor(volume, session, fd + 1)) {
    bool close_on_exec;
    find_descriptor(volume, session, fd, close_on_exec);
    if (close_on_exec) BT_TRY(close_descriptor(context, session, fd));
  }
  return {};
}

// A fork child that has done nothing but exec finds its session as the fork left it, with the parent's pid.
Result<void> become_owner(Thread& thread, SessionIndex index, uint32_t pid, uint64_t start_time) {
  Transaction txn(thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, *thread.volume, index));
  if (session->state == kSessionFree || load_relaxed(session->heir) != pid) return Error(ESTALE);
  if (session->state == kSessionLive && session->start_time != start_time) return Error(ESTALE);
  txn.store(session->pid, pid);
  txn.store(session->start_time, start_time);
  txn.store(session->state, static_cast<uint32_t>(kSessionLive));
  txn.commit();
  __atomic_store_n(&session->heir, 0u, __ATOMIC_RELAXED);
  return {};
}

// What exec does to the session of its process.
Result<void> take_over(Thread& thread, SessionIndex session, uint32_t pid, uint64_t start_time) {
  Credentials nobody;
  Context context{thread, nobody};
  BT_TRY(become_owner(thread, session, pid, start_time));
  BT_TRY(drop_close_on_exec(context, session));
  return drop_pins(context, session);
}

// The last step: table pages and the record itself. Everything in them is gone already.
Result<void> free_record(Context& context, SessionIndex index) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, context.volume(), index));
  if (session->descriptor_count || session->cwd || session->leaving) return Error(EAGAIN);
  for (PageIndex& page : session->descriptors) {
    if (page == PageIndex::kNone) continue;
    give_page(txn, context.thread, page);
    txn.store(page, PageIndex::kNone);
  }
  txn.store(session->generation, session->generation + 1);
  txn.store(session->state, static_cast<uint32_t>(kSessionFree));
  txn.commit();
  settle(context.thread);
  uint32_t& hint = context.volume().superblock().session_hint;
  if (raw(index) < __atomic_load_n(&hint, __ATOMIC_RELAXED))
    __atomic_store_n(&hint, raw(index), __ATOMIC_RELAXED);
  return {};
}
}  // namespace

Result<void> set_working_directory(Context& context, SessionIndex index, InodeNumber directory) {
  BT_TRY(finish_leaving(context, index));
  {
    Transaction txn(context.thread);
    BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, context.volume(), index));
    if (session->leaving) return Error(EAGAIN);  // another thread changes it at this moment
    if (directory) {
      BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
      txn.store(record->opens, record->opens + 1);
    }
    // The old one's open goes in a second transaction: two directories would have to be locked in their order.
    txn.store(session->leaving, session->cwd);
    txn.store(session->cwd, directory);
    txn.commit();
  }
  return finish_leaving(context, index);
}

Result<SessionClone> clone_session(Context& context, SessionIndex session) {
  const SessionRecord* parent = context.volume().session(session);
  if (!parent || load_relaxed(parent->state) == kSessionFree) return Error(EINVAL);
  BT_TRY_ASSIGN(SessionIndex clone,
                claim_session_record(context.thread, {parent->pid, parent->start_time, parent->uid,
                                                      kSessionForking}));
  Result<void> copied = clone_contents(context, session, clone);
  if (copied) return SessionClone{clone, load_relaxed(context.volume().session(clone)->generation)};
  (void)close_session(context, clone).has_value();
  return copied.error();
}

Result<void> adopt_session(Context& context, SessionClone clone, uint32_t pid,
                           uint64_t start_time) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(SessionRecord * session, lock_session(txn, context.volume(), clone.index));
  if (session->state != kSessionForking || session->generation != clone.generation)
    return Error(EINVAL);
  txn.store(session->pid, pid);
  txn.store(session->start_time, start_time);
  txn.store(session->state, static_cast<uint32_t>(kSessionLive));
  txn.commit();
  return {};
}

void name_heir(const Volume& volume, SessionIndex session, uint32_t pid) {
  if (SessionRecord* record = volume.session(session))
    __atomic_store_n(&record->heir, pid, __ATOMIC_RELEASE);  // → the new image
}

Result<void> claim_session(Thread& thread, SessionIndex session, uint32_t pid,
                           uint64_t start_time) {
  BT_TRY(attach_thread(thread, session));
  Result<void> claimed = take_over(thread, session, pid, start_time);
  if (!claimed) detach_thread(thread);
  return claimed;
}

Result<void> close_session(Context& context, SessionIndex session) {
  const Volume& volume = context.volume();
  for (int32_t fd = next_descriptor(volume, session, 0); fd >= 0;
       fd = next_descriptor(volume, session, fd + 1)) {
    Result<void> closed = close_descriptor(context, session, fd);
    if (!closed && closed.error() != Error(EBADF)) return closed;
  }
  BT_TRY(drop_pins(context, session));
  BT_TRY(set_working_directory(context, session, {}));
  return free_record(context, session);
}

}  // namespace bt::engine
