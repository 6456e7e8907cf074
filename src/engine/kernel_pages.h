// SPDX-License-Identifier: MIT
// Files that the kernel keeps pages of, because somebody maps them through it: what is not mapped as the volume's own pages
// (posix/mapping.h), and every mapping that a program without the agent has. The kernel sees neither what is written in-process
// nor how long the file is then, and nobody else sees what is stored into its pages. So who is asked in-process to change the bytes
// of such a file, or to read them where they may have been stored into, says kernel_has_pages, and the call is made through the
// kernel (posix/through_kernel.h), which keeps them in step.
//
// The daemon marks the file under its lock, before the kernel gets its first page (fuse/handle_read.cc): who wrote before has
// released the lock, and is in the page. The mark goes when the kernel has the file open no more, for a mapping holds it open.
#pragma once

#include "engine/thread.h"

namespace bt::engine {

// `mark`: kInodeKernelPages for who changes bytes or size, kInodeKernelStores for who reads.
inline bool is_left_to_kernel(const Thread& thread, const InodeRecord& file, uint32_t mark) {
  return (__atomic_load_n(&file.flags, __ATOMIC_RELAXED) & mark) && !thread.serves_kernel &&
         !thread.origin_at_work;
}
inline bool is_left_to_kernel(const Context& context, InodeNumber number, uint32_t mark) {
  const InodeRecord* file = context.volume().inode(number.index());
  return file && is_left_to_kernel(context.thread, *file, mark);
}

}  // namespace bt::engine
