// SPDX-License-Identifier: MIT
// getdents64 and getdents. Offsets are the engine's cookies, so a position stays good whatever is made or removed.
#include <unistd.h>

#include "base/bytes.h"
#include "base/user_copy.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

// Both records start with inode and offset and the length of the whole; the old one has its type in the last byte.
constexpr uint32_t kNameAt64 = 19, kNameAtOld = 18;

struct Listing {
  char* buffer;
  uint64_t room;
  uint64_t used;
  uint64_t cookie;  // of the last entry given
  bool old_form;
  bool faulted;
  bool too_small;
};

bool give_entry(void* argument, const engine::ListedName& entry) {
  Listing& listing = *static_cast<Listing*>(argument);
  uint32_t name_at = listing.old_form ? kNameAtOld : kNameAt64;
  // The old form keeps a byte for the type behind the terminator.
  uint32_t size =
      static_cast<uint32_t>(base::align_up(name_at + entry.name_size + 1 + listing.old_form, 8));
  if (listing.room - listing.used < size) {
    listing.too_small = listing.used == 0;
    return false;
  }
  alignas(8) char record[288];
  *reinterpret_cast<uint64_t*>(record) = entry.number;
  *reinterpret_cast<uint64_t*>(record + 8) = entry.cookie;
  *reinterpret_cast<uint64_t*>(record + size - 8) = 0;
  *reinterpret_cast<uint16_t*>(record + 16) = static_cast<uint16_t>(size);
  if (listing.old_form)
    record[size - 1] = static_cast<char>(entry.type);
  else
    record[18] = static_cast<char>(entry.type);
  __builtin_memcpy(record + name_at, entry.name, entry.name_size);
  record[name_at + entry.name_size] = 0;
  if (!base::copy_to_user(listing.buffer + listing.used, record, size)) {
    listing.faulted = true;
    return false;
  }
  listing.used += size;
  listing.cookie = entry.cookie;
  return true;
}

Result<uint64_t> list(uint64_t fd, char* buffer, uint32_t size, bool old_form) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (!file.is_directory()) return Error(ENOTDIR);
  engine::Context context = file.context();
  engine::OffsetLock lock;
  BT_TRY(engine::OffsetLock::acquire(context, file.index, lock));
  if (!file.is_current(static_cast<uint32_t>(fd))) return Error(EBADF);
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, file.inode, attributes));
  if (attributes.nlink == 0) return Error(ENOENT);
  Listing listing{buffer, size, 0, lock.offset(), old_form, false, false};
  engine::DentryIndex hint = file.description->list_hint;
  auto listed = engine::list(context, file.inode, listing.cookie, hint, give_entry, &listing);
  if (!listed && listed.error().errno_value() != ENOENT) return listed.error();
  if (listing.used == 0 && listing.faulted) return Error(EFAULT);
  if (listing.too_small) return Error(EINVAL);
  engine::touch_atime(context, file.inode);
  file.description->list_hint = hint;
  if (listing.cookie != lock.offset()) lock.set_offset(listing.cookie);
  return listing.used;
}

}  // namespace

BT_SERVE_DESCRIPTOR(getdents64) { return answer(list(a, pointer_of(b), uint_of(c), false)); }
BT_SERVE_DESCRIPTOR(getdents) { return answer(list(a, pointer_of(b), uint_of(c), true)); }

}  // namespace bt::posix
