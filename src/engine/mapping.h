// SPDX-License-Identifier: MIT
// Pinned pages: the pages of files that programs have mapped. A pin is an entry in a PinPage of the session and one in the
// page's `pins` count, made in one transaction. Truncated or punched out, a pinned page becomes zeros and stays where it is, so
// that mappings see what is written there later; if that is beyond the end, the last pin takes it out of the file
// (page_removal.cc). When the file itself goes, a pinned page is detached: it keeps its bytes, belongs to nobody, and is freed
// with its last pin. Pins die with the process, not with exec's descriptors: close_session and claim_session call drop_pins.
//
// Locks: the session's, then the owner's inode lock; of a detached page, the page pool's lock. Detaching takes both, so
// whoever holds either sees a page that stays what it is.
#pragma once

#include "engine/data.h"
#include "engine/transaction.h"

namespace bt::engine {

// Unpins everything of the session, in bounded transactions; restartable.
Result<void> drop_pins(Context& context, SessionIndex session);
// The child of fork maps what its parent maps. Call before the child exists; drop_pins(to) undoes it. ENOSPC.
Result<void> clone_pins(Context& context, SessionIndex from, SessionIndex to);

}  // namespace bt::engine
