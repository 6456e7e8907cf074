// SPDX-License-Identifier: MIT
#include "shm/token.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstddef>

#include "base/syscall.h"

namespace bt::shm {
namespace {
using base::raw_argument;
using base::raw_syscall;
using format::TokenRecord;

constexpr int64_t kFutexOffset = -static_cast<int64_t>(offsetof(TokenRecord, list_next));

uint64_t entry_of(TokenRecord& token) { return reinterpret_cast<uint64_t>(&token.list_next); }

// glibc keeps the backward link in the word before the forward one, in entries and in the head alike. Bit 0 of a forward
// link marks a priority-inheritance mutex.
uint64_t* next_of(uint64_t entry) { return reinterpret_cast<uint64_t*>(entry & ~1ull); }
uint64_t* previous_of(uint64_t entry) { return reinterpret_cast<uint64_t*>((entry & ~1ull) - 8); }

// The kernel may read the list between any two instructions of ours, when we are killed there.
void put(uint64_t& place, uint64_t value) { __atomic_store_n(&place, value, __ATOMIC_RELEASE); }

uint64_t& pending_of(RobustList& list) {
  return reinterpret_cast<uint64_t&>(list.head->list_op_pending);
}

Claim take(RobustList& list, TokenRecord& token) {
  uint64_t& pending = pending_of(list);
  if (pending != 0) return Claim::kBusy;
  uint32_t word = __atomic_load_n(&token.word, __ATOMIC_RELAXED);
  if (is_alive(word)) return Claim::kBusy;
  // From here on our death marks the word, if it is ours by then.
  put(pending, entry_of(token));
  if (!__atomic_compare_exchange_n(&token.word, &word, list.thread_id, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_RELAXED)) {
    put(pending, 0);
    return Claim::kBusy;
  }
  return word == 0 ? Claim::kFresh : Claim::kDead;
}

// The links of a token lie in the volume, where anything may be written. They are followed only to what points back: the
// head, or another entry; that one is read by the kernel, which says EFAULT where a load of ours would be a SIGSEGV.
bool leads_to(const RobustList& list, const uint64_t* link, uint64_t neighbour, uint64_t entry) {
  uint64_t value = 0;
  if (neighbour == reinterpret_cast<uint64_t>(list.head)) {
    value = *link;
  } else {
    iovec to = {&value, sizeof value}, from = {const_cast<uint64_t*>(link), sizeof value};
    int64_t got = raw_syscall(SYS_process_vm_readv, raw_syscall(SYS_getpid), raw_argument(&to), 1,
                              raw_argument(&from), 1, 0);
    if (got != sizeof value) return false;
  }
  return (value & ~1ull) == entry;
}
}  // namespace

Result<void> find_robust_list(RobustList& list) {
  list.thread_id = static_cast<uint32_t>(raw_syscall(SYS_gettid));
  robust_list_head* head = nullptr;
  uint64_t size = 0;
  int64_t status = raw_syscall(SYS_get_robust_list, 0, raw_argument(&head), raw_argument(&size));
  if (status < 0 || size != sizeof(robust_list_head)) return error::no_robust_list;
  if (!head) {
    head = &list.own.head;
    list.own.previous = reinterpret_cast<uint64_t>(head);
    *head = {{&head->list}, static_cast<long>(kFutexOffset), nullptr};
    status = raw_syscall(SYS_set_robust_list, raw_argument(head), sizeof(*head));
    if (status < 0) return error::no_robust_list;
  }
  if (head->futex_offset != kFutexOffset || head->list_op_pending) return error::no_robust_list;
  list.head = head;
  return {};
}

Claim claim_token(RobustList& list, TokenRecord& token) {
  Claim claim = take(list, token);
  if (claim == Claim::kBusy) return claim;
  uint64_t head = reinterpret_cast<uint64_t>(list.head);
  uint64_t entry = entry_of(token);
  uint64_t first = *next_of(head);
  put(token.list_next, first);
  put(token.list_previous, head);
  put(*previous_of(first), entry);
  put(*next_of(head), entry);
  put(pending_of(list), 0);
  return claim;
}

bool detach_token(RobustList& list, TokenRecord& token) {
  uint64_t& pending = pending_of(list);
  if (pending != 0) return false;
  uint64_t next = __atomic_load_n(&token.list_next, __ATOMIC_RELAXED);
  uint64_t previous = __atomic_load_n(&token.list_previous, __ATOMIC_RELAXED);
  if (!leads_to(list, next_of(previous), previous, entry_of(token)) ||
      !leads_to(list, previous_of(next), next, entry_of(token)))
    return false;
  put(pending, entry_of(token));
  put(*previous_of(next), previous);
  put(*next_of(previous), next);
  __atomic_store_n(&token.word, 0, __ATOMIC_RELEASE);
  put(pending, 0);
  return true;
}

Claim claim_token_briefly(RobustList& list, TokenRecord& token) { return take(list, token); }

void release_token(RobustList& list, TokenRecord& token) {
  __atomic_store_n(&token.word, 0, __ATOMIC_RELEASE);
  put(pending_of(list), 0);
}

void abandon_token(RobustList& list, TokenRecord& token) {
  __atomic_store_n(&token.word, FUTEX_OWNER_DIED, __ATOMIC_RELEASE);
  put(pending_of(list), 0);
}

void condemn_token(TokenRecord& token) {
  uint32_t word = __atomic_load_n(&token.word, __ATOMIC_RELAXED);
  if (is_alive(word))
    __atomic_compare_exchange_n(&token.word, &word, FUTEX_OWNER_DIED, false, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
}

}  // namespace bt::shm
