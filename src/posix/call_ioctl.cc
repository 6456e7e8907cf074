// SPDX-License-Identifier: MIT
// ioctl on files of ours: the few that any regular file knows. The rest are for other kinds of files and get ENOTTY, as
// tmpfs answers; the block-copying ones are refused as on a file system without reflinks. On others' files: those whose
// argument is a descriptor.
#include <asm/ioctls.h>
#include <linux/fs.h>
#include <linux/loop.h>

#include "base/user_copy.h"
#include "posix/close.h"
#include "posix/materialise.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

Result<void> unread_bytes(const OpenFile& file, uint64_t argument) {
  if (file.is_directory()) return Error(ENOTTY);
  engine::Context context = file.context();
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, file.inode, attributes));
  int32_t left = static_cast<int32_t>(attributes.size -
                                      __atomic_load_n(&file.description->offset, __ATOMIC_RELAXED));
  return base::copy_to_user(pointer_of<void>(argument), &left, sizeof left)
             ? Result<void>()
             : Result<void>(Error(EFAULT));
}

Result<void> set_flag(const OpenFile& file, uint32_t flag, uint64_t argument) {
  uint32_t on;
  if (!base::load_user_u32(pointer_of<void>(argument), on)) return Error(EFAULT);
  uint32_t old = file.flags();
  __atomic_store_n(&file.description->flags, on ? old | flag : old & ~flag, __ATOMIC_RELAXED);
  return {};
}

Result<void> control(uint64_t fd, uint32_t request, uint64_t argument) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  constexpr uint32_t kNonBlock = 04000;
  switch (request) {
    case FIOCLEX:
      return set_close_on_exec(*file.self, int_of(fd), file.entry, true);
    case FIONCLEX:
      return set_close_on_exec(*file.self, int_of(fd), file.entry, false);
    case FIONREAD:
      return unread_bytes(file, argument);
    case FIONBIO:
      return set_flag(file, kNonBlock, argument);
    case FIOASYNC:
      return Error(ENOTTY);
    case FIGETBSZ: {
      int32_t size = format::kPageSizeBytes;
      return base::copy_to_user(pointer_of<void>(argument), &size, sizeof size)
                 ? Result<void>()
                 : Result<void>(Error(EFAULT));
    }
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE:
      return Error(EOPNOTSUPP);
    default:
      return Error(ENOTTY);
  }
}

// A loop device takes the number of the file behind it, which must be the kernel's by then.
void make_file_of_loop_real(uint32_t request, uint64_t argument) {
  uint32_t fd = uint_of(argument);
  if (request == LOOP_CONFIGURE && !base::load_user_u32(pointer_of<void>(argument), fd)) return;
  if (is_ours(fd)) (void)make_real(*thread_state.files, static_cast<int32_t>(fd));
}

}  // namespace

BT_SERVE_DESCRIPTOR(ioctl) {
  uint32_t request = uint_of(b);
  if (is_ours(a)) return answer(control(a, request, c));
  if (request == LOOP_SET_FD || request == LOOP_CHANGE_FD || request == LOOP_CONFIGURE)
    make_file_of_loop_real(request, c);
  return kPassthrough;
}

}  // namespace bt::posix
