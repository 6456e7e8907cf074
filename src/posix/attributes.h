// SPDX-License-Identifier: MIT
// An inode's attributes as the kernel's structures.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

// Both write into the program's memory. EFAULT.
Result<void> give_stat(const Mount& mount, const engine::Attributes& attributes, void* buffer);
Result<void> give_statx(const Mount& mount, const engine::Attributes& attributes, void* buffer);

}  // namespace bt::posix
