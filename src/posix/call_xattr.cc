// SPDX-License-Identifier: MIT
// The twelve calls on extended attributes: {set, get, list, remove} × {path, path without following, descriptor}.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include "base/user_copy.h"
#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

// Whom the call is about, in whichever way it says so.
class Target {
 public:
  Result<void> by_path(const char* path, uint32_t flags) {
    BT_TRY(walk_at(AT_FDCWD, path, flags, walk_));
    self_ = walk_.self;
    mount_ = walk_.mount;
    inode_ = walk_.found.inode;
    return {};
  }
  Result<void> by_descriptor(uint64_t fd) {
    OpenFile file;
    BT_TRY(find_usable(fd, file));
    self_ = file.self;
    mount_ = file.mount;
    inode_ = file.inode;
    return {};
  }
  engine::Context context() const { return context_of(*self_, *mount_); }
  engine::InodeNumber inode() const { return inode_; }

 private:
  Walk walk_;
  ThreadState* self_;
  Mount* mount_;
  engine::InodeNumber inode_;
};

enum class By { kPath, kLink, kDescriptor };

Result<void> find(By by, uint64_t where, Target& target) {
  if (by == By::kDescriptor) return target.by_descriptor(where);
  return target.by_path(pointer_of(where), by == By::kPath ? kWalkFollow : 0);
}

struct Name {
  char text[XATTR_NAME_MAX + 1];
  uint32_t size;
  base::Text as_text() const { return {text, size}; }
};

Result<void> load_name(uint64_t from, Name& name) {
  int64_t size = base::copy_string_from_user(name.text, pointer_of(from), sizeof name.text);
  if (size == -ENAMETOOLONG || size == 0) return Error(ERANGE);
  if (size < 0) return Error(static_cast<int>(-size));
  name.size = static_cast<uint32_t>(size);
  return {};
}

// Values may be 64 KiB, more than a stack has; each thread that needs one takes from here in turn.
constexpr uint64_t kValueMax = XATTR_SIZE_MAX;
char value_buffer[kValueMax];
constinit Files value_lock_holder = {};  // its lock alone is used

class ValueBuffer {
 public:
  ValueBuffer() : guard_(value_lock_holder) {}
  char* data() { return value_buffer; }

 private:
  FilesGuard guard_;
};

Result<void> set(By by, uint64_t where, uint64_t name_at, uint64_t value, uint64_t size,
                 uint32_t flags) {
  Target target;
  BT_TRY(find(by, where, target));
  if (flags & ~static_cast<uint32_t>(XATTR_CREATE | XATTR_REPLACE)) return Error(EINVAL);
  Name name;
  BT_TRY(load_name(name_at, name));
  if (size > kValueMax) return Error(E2BIG);
  ValueBuffer buffer;
  if (!base::copy_from_user(buffer.data(), pointer_of<void>(value), size)) return Error(EFAULT);
  engine::Context context = target.context();
  return engine::set_xattr(context, target.inode(), name.as_text(), buffer.data(), size, flags);
}

Result<uint64_t> get(By by, uint64_t where, uint64_t name_at, uint64_t value, uint64_t size) {
  Target target;
  BT_TRY(find(by, where, target));
  Name name;
  BT_TRY(load_name(name_at, name));
  engine::Context context = target.context();
  if (size == 0) return engine::get_xattr(context, target.inode(), name.as_text(), nullptr, 0);
  if (size > kValueMax) size = kValueMax;
  ValueBuffer buffer;
  BT_TRY_ASSIGN(uint64_t length,
                engine::get_xattr(context, target.inode(), name.as_text(), buffer.data(), size));
  if (!base::copy_to_user(pointer_of<void>(value), buffer.data(), length)) return Error(EFAULT);
  return length;
}

Result<uint64_t> list(By by, uint64_t where, uint64_t names, uint64_t size) {
  Target target;
  BT_TRY(find(by, where, target));
  engine::Context context = target.context();
  if (size == 0) return engine::list_xattrs(context, target.inode(), nullptr, 0);
  if (size > kValueMax) size = kValueMax;
  ValueBuffer buffer;
  BT_TRY_ASSIGN(uint64_t length, engine::list_xattrs(context, target.inode(), buffer.data(), size));
  if (!base::copy_to_user(pointer_of<void>(names), buffer.data(), length)) return Error(EFAULT);
  return length;
}

Result<void> remove(By by, uint64_t where, uint64_t name_at) {
  Target target;
  BT_TRY(find(by, where, target));
  Name name;
  BT_TRY(load_name(name_at, name));
  engine::Context context = target.context();
  return engine::remove_xattr(context, target.inode(), name.as_text());
}

}  // namespace

BT_SERVE(setxattr) { return answer(set(By::kPath, a, b, c, d, uint_of(e))); }
BT_SERVE(lsetxattr) { return answer(set(By::kLink, a, b, c, d, uint_of(e))); }
BT_SERVE_DESCRIPTOR(fsetxattr) { return answer(set(By::kDescriptor, a, b, c, d, uint_of(e))); }
BT_SERVE(getxattr) { return answer(get(By::kPath, a, b, c, d)); }
BT_SERVE(lgetxattr) { return answer(get(By::kLink, a, b, c, d)); }
BT_SERVE_DESCRIPTOR(fgetxattr) { return answer(get(By::kDescriptor, a, b, c, d)); }
BT_SERVE(listxattr) { return answer(list(By::kPath, a, b, c)); }
BT_SERVE(llistxattr) { return answer(list(By::kLink, a, b, c)); }
BT_SERVE_DESCRIPTOR(flistxattr) { return answer(list(By::kDescriptor, a, b, c)); }
BT_SERVE(removexattr) { return answer(remove(By::kPath, a, b)); }
BT_SERVE(lremovexattr) { return answer(remove(By::kLink, a, b)); }
BT_SERVE_DESCRIPTOR(fremovexattr) { return answer(remove(By::kDescriptor, a, b)); }

}  // namespace bt::posix
