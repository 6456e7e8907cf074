// SPDX-License-Identifier: MIT
// CREATE: the kernel found no such name a moment ago. If it is there by now and O_EXCL is not asked for, it is opened.
#include <fcntl.h>
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

Result<void> open_existing(Request& request, InodeNumber parent, std::string_view name, int flags,
                           Attributes& attributes) {
  BT_TRY(look_up(request.context(), parent, name, attributes));
  // Anything but a file makes the kernel look at the name again, and do what it does for links, FIFOs and directories.
  if (!S_ISREG(attributes.mode)) return Error(ESTALE);
  BT_TRY(engine::check_access(request.context(), attributes.inode, access_mask_of(flags)));
  if (!(flags & O_TRUNC)) return {};
  engine::AttributeChange change;
  change.which = engine::AttributeChange::kSize;
  change.by_descriptor = true;
  return engine::set_attributes(request.context(), attributes.inode, change, attributes);
}

}  // namespace

using metrics::Operation;

void handle_create(fuse_req_t handle, fuse_ino_t parent, const char* name, mode_t mode,
                   fuse_file_info* file) {
  Request request(handle, Operation::k_open, true);
  request.about(inode_of(parent), name);
  engine::NewInode what;
  what.mode = S_IFREG | (mode & 07777);
  what.umask = request.caller().umask & 0777;
  file->fh = kOrdinary;
  Attributes made;
  Result<void> result = request.was_executed()
                            ? look_up(request.context(), inode_of(parent), name, made)
                            : engine::create(request.context(), inode_of(parent),
                                             text_of(std::string_view(name)), what, made);
  if (!result && result.error().errno_value() == EEXIST && !(file->flags & O_EXCL))
    result = open_existing(request, inode_of(parent), name, file->flags, made);
  if (!result) return request.reply_error(result.error());
  request.reply_created(made, *file);
}

}  // namespace bt::fuse
