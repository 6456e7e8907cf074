// SPDX-License-Identifier: MIT
// The handlers, one a row of opcodes.def, with the types libfuse gives them; and what some of them share.
#pragma once

#include <sys/file.h>

#include <string_view>
#include <type_traits>

#include "engine/descriptions.h"
#include "fuse/request.h"

namespace bt::fuse {

#define BT_OPCODE(name) std::remove_pointer_t<decltype(fuse_lowlevel_ops::name)> handle_##name;
#include "fuse/opcodes.def"
#undef BT_OPCODE

// The table for libfuse.
fuse_lowlevel_ops handler_table();

// A message as the kernel sent it, of an opcode that libfuse 3.14 does not know. False: not ours either.
bool handle_unknown(ServingThread& thread, const fuse_in_header& header, const void* body,
                    size_t body_size);
void handle_tmpfile(ServingThread& thread, const fuse_in_header& header, const void* body,
                    size_t body_size);

// mknod, mkdir, symlink: makes the name and answers with its entry. Executed before a crash: answers with what is there.
void make_and_reply(Request& request, fuse_ino_t directory, std::string_view name,
                    const engine::NewInode& what);
// lookup and attributes in one.
Result<void> look_up(engine::Context& context, InodeNumber directory, std::string_view name,
                     Attributes& attributes);
// What open(2) with these flags needs the right to do, as an access mask.
uint32_t access_mask_of(int open_flags);
// Flock locks and POSIX locks of the kernel path: owners that in-process ones cannot have, except those of a description
// that both sides share (shared_offsets.h).
engine::LockOwner posix_owner(const fuse_file_info& file, uint32_t pid);
engine::LockRange range_of(const struct flock& lock);
engine::LockOwner flock_owner(const fuse_file_info& file, uint32_t pid);

}  // namespace bt::fuse
