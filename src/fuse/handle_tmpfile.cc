// SPDX-License-Identifier: MIT
// TMPFILE (O_TMPFILE; protocol 7.37), which libfuse 3.14 does not know: read and answered by hand.
#include <fcntl.h>
#include <sys/stat.h>
#include <cstring>

#include "engine/descriptions.h"
#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

struct TmpfileReply {
  fuse_entry_out entry;
  fuse_open_out open;
};

// The inode lives by the kernel's reference from then on, which every other opened file does too.
Result<void> make_unnamed(engine::Context& context, InodeNumber directory,
                          const fuse_create_in& wanted, Attributes& made) {
  uint32_t mode = S_IFREG | (wanted.mode & 07777);
  BT_TRY_ASSIGN(auto description,
                engine::open_unnamed(context, directory, mode, wanted.umask & 0777,
                                     format::SessionIndex::kNone, -1, wanted.flags, false));
  const format::DescriptionRecord* record = context.volume().description(description);
  Result<void> result =
      record ? engine::read_attributes(context, record->inode, made) : Result<void>(Error(EIO));
  if (result) result = engine::add_kernel_lookup(context, made.inode);
  if (result) result = engine::add_kernel_open(context, made.inode);
  BT_TRY(engine::drop_reference(context, description));
  return result;
}

void fill_entry(fuse_entry_out& entry, const Attributes& made) {
  struct stat status = to_stat(made);
  entry.nodeid = node_of(made.inode);
  entry.generation = made.inode.generation();
  entry.attr.ino = status.st_ino;
  entry.attr.size = made.size;
  entry.attr.blocks = static_cast<uint64_t>(status.st_blocks);
  entry.attr.atime = static_cast<uint64_t>(status.st_atim.tv_sec);
  entry.attr.mtime = static_cast<uint64_t>(status.st_mtim.tv_sec);
  entry.attr.ctime = static_cast<uint64_t>(status.st_ctim.tv_sec);
  entry.attr.atimensec = static_cast<uint32_t>(status.st_atim.tv_nsec);
  entry.attr.mtimensec = static_cast<uint32_t>(status.st_mtim.tv_nsec);
  entry.attr.ctimensec = static_cast<uint32_t>(status.st_ctim.tv_nsec);
  entry.attr.mode = made.mode;
  entry.attr.nlink = made.nlink;
  entry.attr.uid = made.uid;
  entry.attr.gid = made.gid;
  entry.attr.blksize = format::kPageSizeBytes;
}

}  // namespace

using metrics::Operation;

void handle_tmpfile(ServingThread& thread, const fuse_in_header& header, const void* body,
                    size_t body_size) {
  Channel& channel = thread.server->channel();
  if (body_size < sizeof(fuse_create_in)) {
    (void)channel.reply(header.unique, EINVAL, nullptr, 0);
    return;
  }
  metrics::Meter meter(*thread.engine.block, thread.engine.volume->superblock().trace_until);
  fuse_create_in wanted;
  std::memcpy(&wanted, body, sizeof wanted);
  RequestCredentials credentials(header.uid, header.gid, static_cast<pid_t>(header.pid),
                                 thread.server->options().default_permissions);
  engine::Context context{thread.engine, credentials.get()};
  Attributes made;
  auto result = make_unnamed(context, inode_of(header.nodeid), wanted, made);
  meter.served(Operation::k_open, metrics::Way::k_fuse);
  if (!result) {
    (void)channel.reply(header.unique, result.error().errno_value(), nullptr, 0);
    return;
  }
  TmpfileReply reply{};
  fill_entry(reply.entry, made);
  reply.open.open_flags = FOPEN_DIRECT_IO;
  auto sent = channel.reply(header.unique, 0, &reply, sizeof reply);
  if (sent || sent.error().errno_value() != ENOENT) return;
  (void)engine::drop_kernel_open(context, made.inode).has_value();
  (void)engine::forget_kernel_lookups(context, made.inode, 1);
}

}  // namespace bt::fuse
