// SPDX-License-Identifier: MIT
// Whose rights the calling thread has, as the kernel would see them: file system ids, groups, capabilities.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

// Asks the kernel (six system calls) and fills self.credentials and self.not_allowed.
void read_credentials(ThreadState& self);

}  // namespace bt::posix
