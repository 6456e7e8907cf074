// SPDX-License-Identifier: MIT
// Liveness of a thread, exactly and for free: a 32-bit word of the volume that the kernel itself marks FUTEX_OWNER_DIED
// when the thread ends, by SIGKILL, exit or exec. It does so because the word is an entry of the thread's robust futex
// list, which libc has registered for its own mutexes (facts: engine.md 4). Layout and procedure are glibc's; anything
// that looks otherwise is refused and the kernel path serves.
//
//   token record:  word 0 │ … │ previous 24 │ next 32        entry address E = record + 32, futex offset −32
//
// The list belongs to its thread alone. A step that is killed leaves the word free, or dead; never alive.
#pragma once

#include <linux/futex.h>

#include "base/result.h"
#include "format/session_format.h"

namespace bt::shm {

// The calling thread's robust list. Must stay where it is for as long as the thread lives: `own` is registered with the
// kernel when libc registered nothing (threads made by raw clone, vfork children).
struct RobustList {
  robust_list_head* head = nullptr;
  uint32_t thread_id = 0;
  struct {
    uint64_t previous;
    robust_list_head head;
  } own = {};
};

// Finds (or registers) the calling thread's list. ENOTSUP (no_robust_list): an unknown libc, or a signal handler inside a
// mutex operation.
Result<void> find_robust_list(RobustList& list);

inline uint32_t token_word(const format::TokenRecord& token) {
  return __atomic_load_n(&token.word, __ATOMIC_ACQUIRE);
}
inline bool is_dead(uint32_t word) { return word & FUTEX_OWNER_DIED; }
inline bool is_alive(uint32_t word) { return word != 0 && !is_dead(word); }

enum class Claim : uint8_t {
  kFresh,  // ours; it was free
  kDead,   // ours; its owner died: the caller repairs what that one left
  kBusy,   // a live thread's, or this thread's list is in use by the handler's host
};

// For life: links the word into the list. It dies with the calling thread, or is given back with detach_token.
Claim claim_token(RobustList& list, format::TokenRecord& token);
// Before unmapping the volume or ending service. Precondition: claimed by the calling thread. False: nothing was done, for
// the list is in use by the interrupted libc, or the token's links are nonsense (the volume is damaged).
bool detach_token(RobustList& list, format::TokenRecord& token);

// Briefly: held through the list's `pending` field until release_token, for repairs. Not two at a time.
Claim claim_token_briefly(RobustList& list, format::TokenRecord& token);
void release_token(RobustList& list, format::TokenRecord& token);
// Instead of release_token: the repair failed, the token is dead as before.
void abandon_token(RobustList& list, format::TokenRecord& token);

// Marks a token dead for a thread known to have ended although the kernel could not.
void condemn_token(format::TokenRecord& token);

}  // namespace bt::shm
