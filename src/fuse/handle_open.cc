// SPDX-License-Identifier: MIT
// OPEN: permission is checked here and not again. The kernel's own reference keeps the inode; only descriptions that came by a
// hidden name have a file handle of their own (shared_offsets.h).
#include <fcntl.h>

#include "engine/descriptions.h"
#include "fuse/executing.h"
#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

Result<void> check_and_truncate(Request& request, InodeNumber inode, int flags) {
  BT_TRY(engine::check_access(request.context(), inode, access_mask_of(flags)));
  if ((flags & kOpenForExecution) && is_being_written(request.server().volume(), inode))
    return Error(ETXTBSY);
  if (!(flags & O_TRUNC) || request.was_executed()) return {};
  engine::AttributeChange change;
  change.which = engine::AttributeChange::kSize;
  change.by_descriptor = true;
  Attributes after;
  return engine::set_attributes(request.context(), inode, change, after);
}

// A program's description once more, whose offset it shares and which it keeps.
Result<void> open_description(Request& request, const NamedDescription& named,
                              fuse_file_info& file) {
  BT_TRY(engine::add_reference(request.context(), named.description));
  file.fh = request.server().shared_offsets().open(named);
  return {};
}

// Its file for a mapping or a call. The program may hold the description's lock, so that is left alone.
Result<void> open_apart(Request& request, const NamedDescription& named, fuse_file_info& file) {
  file.fh = kOpenedApart;
  // It is none of the program's descriptors: closing it takes no POSIX locks away.
  file.noflush = true;
  // Pages that are not in step with the file yet are dropped.
  file.keep_cache = named.offset == format::kOpenedForOneCall;
  if (file.keep_cache) return {};
  // Before the first page is asked for: the kernel may take the end of the file from here.
  return engine::note_kernel_pages(request.context(), named.inode, false);
}

Result<void> open_named(Request& request, const NamedDescription& named, fuse_file_info& file) {
  return format::is_shared_offset(named.offset) ? open_description(request, named, file)
                                                : open_apart(request, named, file);
}

void close_file(Request& request, InodeNumber inode, uint64_t handle) {
  if (has_description(handle)) {
    request.server().shared_offsets().close(handle);
    (void)engine::drop_reference(request.context(), description_of(handle));
  }
  (void)engine::drop_kernel_open(request.context(), inode).has_value();
}

}  // namespace

using metrics::Operation;

void handle_open(fuse_req_t handle, fuse_ino_t node, fuse_file_info* file) {
  Request request(handle, Operation::k_open, true);
  request.about(inode_of(node));
  // Counted first: who removes the file from now on leaves its bytes here. A request that a dead worker executed is counted once
  // too often: then the bytes of a file that is removed are brought for nobody, and marks of its pages stay.
  if (auto counted = engine::add_kernel_open(request.context(), inode_of(node)); !counted)
    return request.reply_error(counted.error());
  file->fh = kOrdinary;
  auto named = request.server().pending_opens().take(request.caller().pid, inode_of(node));
  Result<void> opened = named.description == format::DescriptionIndex::kNone
                            ? check_and_truncate(request, inode_of(node), file->flags)
                            : open_named(request, named, *file);
  if (opened && request.reply_open(*file)) return;
  if (!opened) request.reply_error(opened.error());
  close_file(request, inode_of(node), file->fh);
}

}  // namespace bt::fuse
