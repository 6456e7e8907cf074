// SPDX-License-Identifier: MIT
// Who has a file open for writing: asked before it is executed (ETXTBSY), which is rare, so nothing is counted for it: the sessions'
// tables are looked through, and only when the file is open at all. Without locks; a descriptor that is opened or closed
// meanwhile is found or not. Descriptors of the kernel are the kernel's to know.
#pragma once

#include "engine/volume.h"

namespace bt::engine {

// The first session above `after` (kNone: of all) with a descriptor that may write to the file. Of a session in exec those that are close-on-exec
// do not count: its new image has not come to drop them. kNone: there is none.
SessionIndex next_writer(const Volume& volume, InodeNumber inode, SessionIndex after);
// Whether a thread of the session that came to the volume still runs: the kernel marks it before anybody who waits for the
// process is told.
bool has_live_thread(const Volume& volume, SessionIndex session);

}  // namespace bt::engine
