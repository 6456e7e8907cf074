// SPDX-License-Identifier: MIT
// POSIX access control lists, in the form in which they are set and read as extended attributes: a version word, then
// entries of 8 bytes in the order owner, users, group, groups, mask, others. Everything here works on bytes in the caller's
// memory, which may be rubbish.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace bt::engine {

enum AclTag : uint16_t {
  kAclUserObj = 1,
  kAclUser = 2,
  kAclGroupObj = 4,
  kAclGroup = 8,
  kAclMask = 16,
  kAclOther = 32,
};
struct AclEntry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id;
};
static_assert(sizeof(AclEntry) == 8);

inline constexpr uint32_t kAclVersion = 2;
inline constexpr uint32_t kAclEntriesMax = 64;

struct Acl {
  uint32_t count = 0;
  AclEntry entry[kAclEntriesMax];

  uint32_t size_bytes() const { return 4 + count * sizeof(AclEntry); }
  AclEntry* find(AclTag tag);
};

// EINVAL: not an ACL, out of order, without what it must have. E2BIG: more than kAclEntriesMax entries.
Result<void> parse_acl(const char* bytes, uint64_t size, Acl& acl);
// `bytes` holds acl.size_bytes().
void write_acl(const Acl& acl, char* bytes);

// The permission bits (9) an ACL shows in a mode. True: the ACL says no more than they do.
bool acl_mode(const Acl& acl, uint32_t& bits);
// Rewrites the entries that a mode's bits stand for (chmod).
void apply_mode(Acl& acl, uint32_t bits);
// What a new file gets of its directory's default ACL: `acl` and `mode` are cut down to what both allow. True: the mode
// says it all.
bool inherit_acl(Acl& acl, uint32_t& mode);

}  // namespace bt::engine
