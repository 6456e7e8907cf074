// SPDX-License-Identifier: MIT
#include "fuse/handlers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bt::fuse {
namespace {
// Description indexes have 32 bits and session owners 63: the top bit keeps the kernel's owners apart from both.
constexpr uint64_t kKernelOwner = 1ull << 63;
}  // namespace

fuse_lowlevel_ops handler_table() {
  fuse_lowlevel_ops table{};
#define BT_OPCODE(name) table.name = handle_##name;
#include "fuse/opcodes.def"
#undef BT_OPCODE
  return table;
}

bool handle_unknown(ServingThread& thread, const fuse_in_header& header, const void* body,
                    size_t body_size) {
  if (header.opcode != kOpcodeTmpfile) return false;
  handle_tmpfile(thread, header, body, body_size);
  return true;
}

Result<void> look_up(engine::Context& context, InodeNumber directory, std::string_view name,
                     Attributes& attributes) {
  engine::Found found;
  BT_TRY(engine::lookup(context, directory, text_of(name), found));
  return engine::read_attributes(context, found.inode, attributes);
}

void make_and_reply(Request& request, fuse_ino_t directory, std::string_view name,
                    const engine::NewInode& what) {
  request.about(inode_of(directory), name);
  Attributes made;
  if (request.was_executed())
    return request.reply_entry(look_up(request.context(), inode_of(directory), name, made), made);
  request.reply_entry(
      engine::create(request.context(), inode_of(directory), text_of(name), what, made), made);
}

uint32_t access_mask_of(int open_flags) {
  if (open_flags & kOpenForExecution) return X_OK;
  uint32_t mask = 0;
  int mode = open_flags & O_ACCMODE;
  if (mode != O_WRONLY) mask |= R_OK;
  if (mode != O_RDONLY || (open_flags & O_TRUNC)) mask |= W_OK;
  return mask;
}

engine::LockOwner posix_owner(const fuse_file_info& file, uint32_t pid) {
  return {format::kFileLockPosix, file.lock_owner | kKernelOwner, pid};
}

engine::LockRange range_of(const struct flock& lock) {
  engine::LockRange range;
  range.start = static_cast<uint64_t>(lock.l_start);
  range.end = lock.l_len == 0 ? UINT64_MAX : range.start + static_cast<uint64_t>(lock.l_len) - 1;
  range.exclusive = lock.l_type == F_WRLCK;
  return range;
}

engine::LockOwner flock_owner(const fuse_file_info& file, uint32_t pid) {
  return {format::kFileLockFlock,
          has_description(file.fh) ? raw(description_of(file.fh)) : file.lock_owner | kKernelOwner,
          pid};
}

}  // namespace bt::fuse
