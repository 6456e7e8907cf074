// SPDX-License-Identifier: MIT
// Extended attributes of the source: fetched all at once when the first is asked for, written through.
#include <sys/syscall.h>

#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/removal.h"
#include "origin/source.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;

constexpr uint32_t kNameBytes = 256;

// These calls take no directory descriptor: the path goes through our own descriptor's name in /proc.
Result<const char*> xattr_path(Context& context, InodeNumber inode, Scratch& scratch) {
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch.path[0]));
  char* at = scratch.link;
  auto append = [&](const char* text) {
    while (*text) *at++ = *text++;
  };
  append("/proc/self/fd/");
  char digits[12];
  uint32_t count = 0;
  for (auto number = static_cast<uint32_t>(source_root(context)); number || !count; number /= 10)
    digits[count++] = static_cast<char>('0' + number % 10);
  while (count) *at++ = digits[--count];
  *at++ = '/';
  if (base::text_of(path).size + static_cast<uint64_t>(at - scratch.link) >= kPathBytes)
    return Error(ENAMETOOLONG);
  append(path);
  *at = 0;
  return static_cast<const char*>(scratch.link);
}

Result<void> change_here(Context& context, InodeNumber inode, Text name, const void* value,
                         uint64_t size, uint32_t flags) {
  if (value) return engine::set_xattr(context, inode, name, value, size, flags);
  return engine::remove_xattr(context, inode, name);
}

bool is_listed(const char* names, uint64_t size, Text name) {
  for (uint64_t at = 0; at < size;) {
    Text listed = base::text_of(names + at);
    if (base::equal(listed, name)) return true;
    at += listed.size + 1;
  }
  return false;
}

// Attributes that are here and not among those that the source has: they were removed there.
Result<void> drop_others(Context& context, InodeNumber inode, const char* names, uint64_t size,
                         char* here, uint64_t room) {
  BT_TRY_ASSIGN(uint64_t all, engine::list_xattrs(context, inode, here, room));
  for (uint64_t at = 0; at < all;) {
    Text name = base::text_of(here + at);
    at += name.size + 1;
    if (!is_listed(names, size, name)) (void)engine::remove_xattr(context, inode, name).has_value();
  }
  return {};
}

}  // namespace

Result<void> fill_xattrs(Context& context, InodeNumber inode) {
  engine::OriginAtWork working(context.thread);
  // Of what was removed there are none but those that are here; an open file's were fetched before (origin/removal.h).
  const format::InodeRecord* record = context.volume().inode(inode.index());
  bool is_file = record && (load_relaxed(record->mode) & engine::kModeType) == engine::kModeRegular;
  if (record && !is_file && load_relaxed(record->nlink) == 0) return {};
  count(context, metrics::Event::k_xattr_misses);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, xattr_path(context, inode, *scratch));
  int64_t listed =
      raw_syscall(SYS_llistxattr, raw_argument(path), raw_argument(scratch->names), kNamesBytes);
  if (listed == -EOPNOTSUPP) listed = 0;
  BT_TRY_ASSIGN(uint64_t size, source_result(listed));
  engine::Credentials all;
  all.trusted = all.sys_admin = all.fowner = true;
  Context own{context.thread, all};
  for (uint64_t at = 0; at < size;) {
    Text name = base::text_of(scratch->names + at);
    at += name.size + 1;
    int64_t got = raw_syscall(SYS_lgetxattr, raw_argument(path), raw_argument(name.data),
                              raw_argument(scratch->pages), sizeof scratch->pages);
    // One that went meanwhile, or whose namespace the volume does not know, is not there.
    if (got < 0) continue;
    (void)engine::set_xattr(own, inode, name, scratch->pages, static_cast<uint64_t>(got), 0)
        .has_value();
  }
  BT_TRY(drop_others(own, inode, scratch->names, size, scratch->pages, sizeof scratch->pages));
  return engine::note_xattrs_known(context, inode);
}

Result<void> set_xattr(Context& context, InodeNumber inode, Text name, const void* value,
                       uint64_t size, uint32_t flags) {
  BT_TRY(engine::require_xattrs(context, inode));
  engine::OriginAtWork working(context.thread);
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (was_removed(context, inode) || (record && load_relaxed(record->nlink) == 0))
    return change_here(context, inode, name, value, size, flags);
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  BT_TRY_ASSIGN(const char* path, xattr_path(context, inode, *scratch));
  char terminated[kNameBytes];
  if (name.size >= kNameBytes) return Error(ERANGE);
  __builtin_memcpy(terminated, name.data, name.size);
  terminated[name.size] = 0;
  int64_t done = value
                     ? raw_syscall(SYS_lsetxattr, raw_argument(path), raw_argument(terminated),
                                   raw_argument(value), static_cast<int64_t>(size), flags)
                     : raw_syscall(SYS_lremovexattr, raw_argument(path), raw_argument(terminated));
  BT_TRY(source_result(done));
  // What the source now has is asked for again when somebody wants to know; ACLs change the mode as well.
  BT_TRY(refresh(context, inode, true));
  return change_here(context, inode, name, value, size, 0);
}

}  // namespace bt::origin
