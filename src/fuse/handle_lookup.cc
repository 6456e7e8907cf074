// SPDX-License-Identifier: MIT
// LOOKUP: one name in one directory, and a reference of the kernel to what it names.
#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

constexpr uint32_t kAttemptsMax = 16;

// False: no such description, or not for the caller; the name is like any other.
bool look_up_hidden(Request& request, std::string_view name) {
  if (!request.is_owner()) return false;
  NamedDescription named = find_named_description(request.server().volume(), name);
  if (named.description == format::DescriptionIndex::kNone) return false;
  Attributes attributes;
  auto result = engine::read_attributes(request.context(), named.inode, attributes);
  // Before the reply: the OPEN may be here before we are back.
  if (result) request.server().pending_opens().expect(request.caller().pid, named);
  request.reply_entry(result, attributes);
  return true;
}

}  // namespace

using metrics::Operation;

void handle_lookup(fuse_req_t handle, fuse_ino_t parent, const char* name) {
  Request request(handle, Operation::k_lookup);
  request.about(inode_of(parent), name);
  request.server().pending_opens().forget(request.caller().pid);
  if (parent == node_of(format::kRootInode) && is_hidden(name) && look_up_hidden(request, name))
    return;
  Attributes attributes;
  Result<void> result;
  // The inode may go between the lookup and the reference; the name may lead to another one then (rename over it).
  for (uint32_t attempt = 0; attempt < kAttemptsMax; attempt++) {
    result = look_up(request.context(), inode_of(parent), name, attributes);
    if (result) result = request.grant(attributes.inode);
    if (result || result.error().errno_value() != ESTALE) break;
  }
  if (result) return request.reply_granted_entry(attributes);
  request.reply_error(result.error());
}

}  // namespace bt::fuse
