// SPDX-License-Identifier: MIT
// READDIR: names in the order of their making; the offset is the cookie of the last one taken.
#include <sys/stat.h>

#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

struct Filling {
  fuse_req_t handle;
  char* buffer;
  size_t size;
  size_t used;
  uint64_t last_cookie;
};

bool take_entry(void* argument, const engine::ListedName& entry) {
  auto& filling = *static_cast<Filling*>(argument);
  struct stat status {};
  status.st_ino = entry.number;
  status.st_mode = entry.type << 12;
  size_t needed =
      fuse_add_direntry(filling.handle, filling.buffer + filling.used, filling.size - filling.used,
                        entry.name, &status, static_cast<off_t>(entry.cookie));
  if (filling.used + needed > filling.size) return false;
  filling.used += needed;
  filling.last_cookie = entry.cookie;
  return true;
}

}  // namespace

using metrics::Operation;

void handle_readdir(fuse_req_t handle, fuse_ino_t node, size_t size, off_t offset,
                    fuse_file_info*) {
  Request request(handle, Operation::k_list, false, true);
  request.about(inode_of(node));
  Filling filling{handle, request.buffer(size), size, 0, 0};
  ListingHints& hints = request.server().listing_hints();
  auto cookie = static_cast<uint64_t>(offset);
  format::DentryIndex hint = hints.find(node, cookie);
  auto result = engine::list(request.context(), inode_of(node), cookie, hint, take_entry, &filling);
  if (!result && result.error().errno_value() != ENOENT) return request.reply_error(result.error());
  if (filling.last_cookie) hints.keep(node, filling.last_cookie, hint);
  request.reply_data(filling.buffer, filling.used);
}

}  // namespace bt::fuse
