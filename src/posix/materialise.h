// SPDX-License-Identifier: MIT
// Descriptors for the kernel: where it must see the file itself (SCM_RIGHTS, io_uring, a program that cannot carry the
// agent …), the same open file description is opened through the mount, under a hidden name that the daemon serves, and put
// onto the number in place of the placeholder.
#pragma once

#include "posix/thread.h"

namespace bt::posix {

// A new kernel descriptor (close-on-exec) of what `entry` refers to, its offset moved to the description's.
Result<int32_t> open_for_kernel(Files& files, uint64_t entry);

// The kernel's descriptor under `fd` becomes the file itself; we go on serving it. For descriptors that travel.
Result<void> make_real(Files& files, int32_t fd);

// One that shares no offset, for a mapping or a call: format/hidden_name.h.
Result<int32_t> open_apart(const OpenFile& file, uint64_t purpose);

// `fd` and all other numbers of the same description become the kernel's for good.
Result<void> hand_to_kernel(Files& files, int32_t fd);
// The same for every descriptor of the process. False: at least one could not be.
bool hand_all_to_kernel(Files& files);

}  // namespace bt::posix
