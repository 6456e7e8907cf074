// SPDX-License-Identifier: MIT
// Between the sources that make and end sessions; the interface for others is thread.h and descriptions.h.
#pragma once

#include "engine/thread.h"

namespace bt::engine {

struct SessionOwner {
  uint32_t pid;
  uint64_t start_time;
  uint32_t uid;
  uint32_t state;  // SessionState
};

// Finds a free record and makes it the owner's. EAGAIN (session_table_full).
Result<SessionIndex> claim_session_record(Thread& thread, const SessionOwner& owner);
// EINVAL: no such index.
Result<SessionRecord*> session_record(const Volume& volume, SessionIndex index);

}  // namespace bt::engine
