// SPDX-License-Identifier: MIT
#include "engine/posix_acl.h"

namespace bt::engine {

AclEntry* Acl::find(AclTag tag) {
  for (uint32_t i = 0; i < count; i++)
    if (entry[i].tag == tag) return &entry[i];
  return nullptr;
}

namespace {

// The order of tags, and of the ids of named users and groups: what posix_acl_valid demands.
Result<void> check_acl(const Acl& acl) {
  uint32_t seen = 0;
  for (uint32_t i = 0; i < acl.count; i++) {
    const AclEntry& entry = acl.entry[i];
    if (entry.permissions & ~7u) return Error(EINVAL);
    bool named = entry.tag == kAclUser || entry.tag == kAclGroup;
    bool known = entry.tag && !(entry.tag & (entry.tag - 1)) && entry.tag <= kAclOther;
    if (!known || seen > entry.tag || (seen == entry.tag && !named)) return Error(EINVAL);
    if (named && entry.id == UINT32_MAX) return Error(EINVAL);
    seen = entry.tag;
  }
  Acl& all = const_cast<Acl&>(acl);
  bool complete = all.find(kAclUserObj) && all.find(kAclGroupObj) && all.find(kAclOther);
  bool needs_mask = all.find(kAclUser) || all.find(kAclGroup);
  if (!complete || (needs_mask && !all.find(kAclMask))) return Error(EINVAL);
  return {};
}

}  // namespace

Result<void> parse_acl(const char* bytes, uint64_t size, Acl& acl) {
  uint32_t version;
  if (size < 4 || (size - 4) % sizeof(AclEntry)) return Error(EINVAL);
  __builtin_memcpy(&version, bytes, 4);
  if (version != kAclVersion) return Error(EOPNOTSUPP);
  uint64_t count = (size - 4) / sizeof(AclEntry);
  if (count > kAclEntriesMax) return Error(E2BIG);
  acl.count = static_cast<uint32_t>(count);
  __builtin_memcpy(acl.entry, bytes + 4, size - 4);
  return check_acl(acl);
}

void write_acl(const Acl& acl, char* bytes) {
  __builtin_memcpy(bytes, &kAclVersion, 4);
  __builtin_memcpy(bytes + 4, acl.entry, acl.count * sizeof(AclEntry));
}

bool acl_mode(const Acl& acl, uint32_t& bits) {
  uint32_t group = 0, mask = 0;
  bool simple = true, masked = false;
  bits = 0;
  for (uint32_t i = 0; i < acl.count; i++) {
    const AclEntry& entry = acl.entry[i];
    if (entry.tag == kAclUserObj) bits |= entry.permissions << 6;
    if (entry.tag == kAclOther) bits |= entry.permissions;
    if (entry.tag == kAclGroupObj) group = entry.permissions;
    if (entry.tag == kAclMask) mask = entry.permissions, masked = true;
    simple =
        simple && (entry.tag == kAclUserObj || entry.tag == kAclOther || entry.tag == kAclGroupObj);
  }
  bits |= (masked ? mask : group) << 3;
  return simple;
}

void apply_mode(Acl& acl, uint32_t bits) {
  AclEntry* mask = acl.find(kAclMask);
  for (uint32_t i = 0; i < acl.count; i++) {
    AclEntry& entry = acl.entry[i];
    if (entry.tag == kAclUserObj) entry.permissions = bits >> 6 & 7;
    if (entry.tag == kAclOther) entry.permissions = bits & 7;
    if (entry.tag == kAclMask || (entry.tag == kAclGroupObj && !mask))
      entry.permissions = bits >> 3 & 7;
  }
}

bool inherit_acl(Acl& acl, uint32_t& mode) {
  AclEntry* mask = acl.find(kAclMask);
  bool simple = true;
  uint32_t bits = mode & 0777;
  auto meet = [&](AclEntry& entry, uint32_t shift) {
    uint32_t both = entry.permissions & bits >> shift;
    entry.permissions = static_cast<uint16_t>(both);
    bits = (bits & ~(7u << shift)) | both << shift;
  };
  for (uint32_t i = 0; i < acl.count; i++) {
    AclEntry& entry = acl.entry[i];
    switch (entry.tag) {
      case kAclUserObj:
        meet(entry, 6);
        break;
      case kAclOther:
        meet(entry, 0);
        break;
      case kAclMask:
        meet(entry, 3);
        simple = false;
        break;
      case kAclGroupObj:
        if (!mask) meet(entry, 3);
        break;
      default:
        simple = false;
    }
  }
  mode = (mode & ~0777u) | bits;
  return simple;
}

}  // namespace bt::engine
