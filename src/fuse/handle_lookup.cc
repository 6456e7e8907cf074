// SPDX-License-Identifier: MIT
// LOOKUP: one name in one directory, and a reference of the kernel to what it names.
#include "fuse/handlers.h"

namespace bt::fuse {
namespace {

constexpr uint32_t kAttemptsMax = 16;

void look_up_hidden(Request& request, fuse_ino_t parent, std::string_view name) {
  if (!request.is_owner()) return request.reply_error(Error(EACCES));
  if (parent == kHiddenDirectory && name == kDescriptionsName)
    return request.reply_entry(hidden_attributes(kHiddenDescriptions));
  if (parent != kHiddenDescriptions) return request.reply_error(Error(ENOENT));
  NamedDescription named = find_named_description(request.server().volume(), name);
  if (named.description == format::DescriptionIndex::kNone)
    return request.reply_error(Error(ENOENT));
  Attributes attributes;
  auto result = engine::read_attributes(request.context(), named.inode, attributes);
  // Before the reply: the OPEN may be here before we are back.
  if (result) request.server().pending_opens().expect(request.caller().pid, named);
  request.reply_entry(result, attributes);
}

}  // namespace

using metrics::Operation;

void handle_lookup(fuse_req_t handle, fuse_ino_t parent, const char* name) {
  Request request(handle, Operation::k_lookup);
  request.about(inode_of(parent), name);
  request.server().pending_opens().forget(request.caller().pid);
  if (is_hidden(parent)) return look_up_hidden(request, parent, name);
  Attributes attributes;
  Result<void> result;
  // The inode may go between the lookup and the reference; the name may lead to another one then (rename over it).
  for (uint32_t attempt = 0; attempt < kAttemptsMax; attempt++) {
    result = look_up(request.context(), inode_of(parent), name, attributes);
    if (result) result = request.grant(attributes.inode);
    if (result || result.error().errno_value() != ESTALE) break;
  }
  if (result) return request.reply_granted_entry(attributes);
  if (!result && result.error().errno_value() == ENOENT && name == kHiddenName &&
      inode_of(parent) == format::kRootInode && request.is_owner())
    return request.reply_entry(hidden_attributes(kHiddenDirectory));
  request.reply_error(result.error());
}

}  // namespace bt::fuse
