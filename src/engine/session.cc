// SPDX-License-Identifier: MIT
// Sessions come and go: open, and the search for a free record.
#include "engine/session.h"

#include "engine/transaction.h"

namespace bt::engine {

Result<SessionRecord*> session_record(const Volume& volume, SessionIndex index) {
  SessionRecord* session = volume.session(index);
  if (!session) return Error(EINVAL);
  return session;
}

namespace {

void raise_to(uint32_t& word, uint32_t value) {
  uint32_t seen = __atomic_load_n(&word, __ATOMIC_RELAXED);
  while (seen < value && !__atomic_compare_exchange_n(&word, &seen, value, false, __ATOMIC_RELEASE,
                                                      __ATOMIC_RELAXED)) {
  }
}

// Makes the record the session of (pid, start_time); false: it is not free any more.
Result<bool> claim_record(Thread& thread, SessionIndex index, const SessionOwner& owner) {
  SessionRecord& session = *thread.volume->session(index);
  if (__atomic_load_n(&session.state, __ATOMIC_RELAXED) != kSessionFree) return false;
  raise_to(thread.volume->superblock().sessions_used, raw(index) + 1);
  Transaction txn(thread);
  BT_TRY(txn.lock(session.lock, shm::LockRank::kSession));
  if (session.state != kSessionFree) return false;
  txn.store(session.pid, owner.pid);
  txn.store(session.start_time, owner.start_time);
  txn.store(session.uid, owner.uid);
  txn.store(session.generation, session.generation + 1);
  __atomic_store_n(&session.heir, 0u, __ATOMIC_RELAXED);
  txn.store(session.state, owner.state);
  txn.commit();
  return true;
}
}  // namespace

Result<SessionIndex> claim_session_record(Thread& thread, const SessionOwner& owner) {
  const Volume& volume = *thread.volume;
  uint32_t count = static_cast<uint32_t>(volume.geometry().sessions.count);
  uint32_t& hint = volume.superblock().session_hint;
  uint32_t first = __atomic_load_n(&hint, __ATOMIC_RELAXED);
  if (first == 0 || first >= count) first = 1;
  for (uint32_t step = 0; step + 1 < count; step++) {
    uint32_t i = first + step < count ? first + step : first + step - count + 1;
    BT_TRY_ASSIGN(bool claimed, claim_record(thread, SessionIndex{i}, owner));
    if (!claimed) continue;
    __atomic_store_n(&hint, i + 1, __ATOMIC_RELAXED);
    return SessionIndex{i};
  }
  return error::session_table_full;
}

Result<SessionIndex> open_session(Thread& thread, uint32_t pid, uint64_t start_time, uint32_t uid) {
  BT_TRY(attach_thread(thread, SessionIndex::kNone));
  auto claimed = claim_session_record(thread, {pid, start_time, uid, kSessionLive});
  if (!claimed) {
    detach_thread(thread);
    return claimed.error();
  }
  thread.session = *claimed;
  __atomic_store_n(&thread.slot->session, *claimed, __ATOMIC_RELEASE);  // → condemn_session
  return *claimed;
}

}  // namespace bt::engine
