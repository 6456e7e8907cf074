// SPDX-License-Identifier: MIT
// Closing and flagging descriptors of ours, for close, close_range, dup2 and fcntl.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

// entry: what read_entry gave for fd, with kEntryOurs. EBADF: somebody else closed it meanwhile.
Result<void> close_ours(ThreadState& self, int32_t fd, uint64_t entry);
Result<void> set_close_on_exec(ThreadState& self, int32_t fd, uint64_t entry, bool on);

}  // namespace bt::posix
