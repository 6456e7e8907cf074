// SPDX-License-Identifier: MIT
// sendfile, splice, copy_file_range, tee, vmsplice with files of ours at either end: copied through a buffer in pieces. An
// end that is the kernel's is read or written with its own calls, so pipes and sockets block and wake as ever.
#include <asm/ioctls.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/serve.h"
#include "posix/transfer.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

constexpr uint64_t kBufferBytes = 16384;

// One end of a copy: a file of ours or a descriptor of the kernel's, at an offset of the caller's or its own.
struct End {
  uint64_t fd;
  bool ours;
  bool explicit_offset;
  uint64_t offset;
  OpenFile file;
};

Result<void> open_end(uint64_t fd, uint64_t offset_at, End& end) {
  end.fd = static_cast<uint32_t>(fd);
  end.ours = is_ours(fd);
  end.explicit_offset = offset_at != 0;
  end.offset = 0;
  if (end.ours) BT_TRY(find_usable(fd, end.file));
  if (offset_at && !base::load_user_u64(pointer_of<void>(offset_at), end.offset))
    return Error(EFAULT);
  if (static_cast<int64_t>(end.offset) < 0) return Error(EINVAL);
  return {};
}

Result<void> give_offset(const End& end, uint64_t offset_at) {
  if (!end.explicit_offset) return {};
  return base::copy_to_user(pointer_of<void>(offset_at), &end.offset, sizeof end.offset)
             ? Result<void>()
             : Result<void>(Error(EFAULT));
}

Result<uint64_t> as_size(int64_t result) {
  BT_TRY_ASSIGN(int64_t size, from_kernel(result));
  return static_cast<uint64_t>(size);
}

Result<uint64_t> pull(End& end, char* buffer, uint64_t size) {
  engine::Piece piece{buffer, size};
  Result<uint64_t> got = Error(EBADF);
  if (end.ours)
    got = end.explicit_offset ? read_at(end.file, end.offset, &piece, 1)
                              : read_here(end.file, end.fd, &piece, 1);
  else if (end.explicit_offset)
    got = as_size(raw_syscall(SYS_pread64, static_cast<int64_t>(end.fd), raw_argument(buffer),
                              static_cast<int64_t>(size), static_cast<int64_t>(end.offset)));
  else
    got = as_size(raw_syscall(SYS_read, static_cast<int64_t>(end.fd), raw_argument(buffer),
                              static_cast<int64_t>(size)));
  if (got) end.offset += *got;
  return got;
}

Result<uint64_t> push(End& end, char* buffer, uint64_t size) {
  engine::Piece piece{buffer, size};
  Result<uint64_t> put = Error(EBADF);
  if (end.ours)
    put = end.explicit_offset ? write_at(end.file, end.offset, &piece, 1, false)
                              : write_here(end.file, end.fd, &piece, 1, false);
  else if (end.explicit_offset)
    put = as_size(raw_syscall(SYS_pwrite64, static_cast<int64_t>(end.fd), raw_argument(buffer),
                              static_cast<int64_t>(size), static_cast<int64_t>(end.offset)));
  else
    put = as_size(raw_syscall(SYS_write, static_cast<int64_t>(end.fd), raw_argument(buffer),
                              static_cast<int64_t>(size)));
  if (put) end.offset += *put;
  return put;
}

// What was read but could not be written is put back, where there is a way back.
void unread(End& end, uint64_t size) {
  end.offset -= size;
  if (end.explicit_offset || !size) return;
  if (!end.ours) {
    raw_syscall(SYS_lseek, static_cast<int64_t>(end.fd), -static_cast<int64_t>(size), SEEK_CUR);
    return;
  }
  engine::Context context = end.file.context();
  engine::OffsetLock lock;
  if (engine::OffsetLock::acquire(context, end.file.index, lock))
    lock.set_offset(lock.offset() - size);
}

// Until `size`, the end of the input, or the first short step; an error counts only when nothing was copied.
Result<uint64_t> copy(End& from, End& to, uint64_t size) {
  char buffer[kBufferBytes];
  uint64_t done = 0;
  while (done < size) {
    uint64_t step = size - done < kBufferBytes ? size - done : kBufferBytes;
    auto got = pull(from, buffer, step);
    if (!got) return done ? done : got;
    if (*got == 0) break;
    auto put = push(to, buffer, *got);
    uint64_t written = put.value_or(0);
    if (written < *got) unread(from, *got - written);
    if (!put) return done ? done : put;
    done += written;
    if (written < *got || (!from.ours && *got < step)) break;
  }
  return done;
}

// Is the kernel's descriptor a pipe? Splice needs one at one end.
bool is_pipe(uint64_t fd) {
  struct stat attributes;
  return raw_syscall(SYS_fstat, static_cast<int64_t>(fd), raw_argument(&attributes)) == 0 &&
         S_ISFIFO(attributes.st_mode);
}

Result<uint32_t> flags_of(const End& end) {
  if (end.ours) return end.file.flags();
  BT_TRY_ASSIGN(int64_t flags,
                from_kernel(raw_syscall(SYS_fcntl, static_cast<int64_t>(end.fd), F_GETFL)));
  return static_cast<uint32_t>(flags);
}

Result<uint64_t> send_file(uint64_t out, uint64_t in, uint64_t offset_at, uint64_t size) {
  if (!is_ours(out) && !is_ours(in)) return error::not_ours;
  End from, to;
  BT_TRY(open_end(in, offset_at, from));
  BT_TRY(open_end(out, 0, to));
  BT_TRY_ASSIGN(uint32_t flags, flags_of(to));
  if (to.ours && (flags & O_APPEND)) return Error(EINVAL);
  if ((flags & O_ACCMODE) == O_RDONLY) return Error(EBADF);
  BT_TRY_ASSIGN(uint64_t done, copy(from, to, size < kTransferMax ? size : kTransferMax));
  BT_TRY(give_offset(from, offset_at));
  return done;
}

bool is_ready(uint64_t pipe, int16_t events) {
  pollfd one = {static_cast<int>(pipe), events, 0};
  timespec no_wait = {0, 0};
  return raw_syscall(SYS_ppoll, raw_argument(&one), 1, raw_argument(&no_wait)) > 0 &&
         (one.revents & events);
}

// Whether the pipe takes another bufferful without waiting.
bool has_room(uint64_t pipe) {
  int32_t held = 0;
  int64_t size = raw_syscall(SYS_fcntl, static_cast<int64_t>(pipe), F_GETPIPE_SZ);
  return size > 0 &&
         raw_syscall(SYS_ioctl, static_cast<int64_t>(pipe), FIONREAD, raw_argument(&held)) == 0 &&
         size - held >= static_cast<int64_t>(kBufferBytes);
}

Result<uint64_t> splice_ends(uint64_t in, uint64_t in_offset, uint64_t out, uint64_t out_offset,
                             uint64_t size, uint32_t flags) {
  if (!is_ours(in) && !is_ours(out)) return error::not_ours;
  if (is_ours(in) && is_ours(out)) return Error(EINVAL);
  if (!is_pipe(is_ours(in) ? out : in)) return Error(EINVAL);
  if ((!is_ours(in) && in_offset) || (!is_ours(out) && out_offset)) return Error(ESPIPE);
  End from, to;
  BT_TRY(open_end(in, in_offset, from));
  BT_TRY(open_end(out, out_offset, to));
  if (to.ours && (to.file.flags() & O_APPEND)) return Error(EINVAL);
  if ((flags & SPLICE_F_NONBLOCK) &&
      !(from.ours ? is_ready(to.fd, POLLOUT) : is_ready(from.fd, POLLIN | POLLHUP)))
    return Error(EAGAIN);
  // As much as the pipe has or takes; only the first step may wait for it.
  uint64_t done = 0;
  do {
    uint64_t left = size - done;
    auto step = copy(from, to, left < kBufferBytes ? left : kBufferBytes);
    if (!step && done == 0) return step;
    if (step.value_or(0) == 0) break;
    done += *step;
  } while (done < size && (from.ours ? has_room(to.fd) : is_ready(from.fd, POLLIN)));
  BT_TRY(give_offset(from, in_offset));
  BT_TRY(give_offset(to, out_offset));
  return done;
}

// A regular file; its device.
Result<uint64_t> check_kind(const End& end) {
  if (end.ours) {
    if (end.file.is_directory()) return Error(EISDIR);
    return end.file.mount->device;
  }
  struct stat attributes;
  BT_TRY(
      from_kernel(raw_syscall(SYS_fstat, static_cast<int64_t>(end.fd), raw_argument(&attributes))));
  if (S_ISDIR(attributes.st_mode)) return Error(EISDIR);
  if (!S_ISREG(attributes.st_mode)) return Error(EINVAL);
  return attributes.st_dev;
}

Result<void> check_access(const End& from, const End& to) {
  BT_TRY_ASSIGN(uint32_t reads, flags_of(from));
  BT_TRY_ASSIGN(uint32_t writes, flags_of(to));
  bool allowed =
      (reads & O_ACCMODE) != O_WRONLY && (writes & O_ACCMODE) != O_RDONLY && !(writes & O_APPEND);
  return allowed ? Result<void>() : Result<void>(Error(EBADF));
}

Result<uint64_t> position(const End& end) {
  if (end.explicit_offset || !end.ours) return end.offset;
  return __atomic_load_n(&end.file.description->offset, __ATOMIC_RELAXED);
}

// Within a file: what lies behind the end when the copy begins is not copied, though the copy moves the end; and no overlap.
Result<uint64_t> cut_within_file(const End& from, const End& to, uint64_t size) {
  if (!from.ours || !to.ours || from.file.inode != to.file.inode) return size;
  engine::Context context = from.file.context();
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, from.file.inode, attributes));
  BT_TRY_ASSIGN(uint64_t in, position(from));
  BT_TRY_ASSIGN(uint64_t out, position(to));
  size = base::min(size, attributes.size > in ? attributes.size - in : 0);
  bool overlap = in < out ? out - in < size : in - out < size;
  return overlap ? Result<uint64_t>(Error(EINVAL)) : size;
}

Result<uint64_t> copy_range(uint64_t in, uint64_t in_offset, uint64_t out, uint64_t out_offset,
                            uint64_t size, uint32_t flags) {
  if (!is_ours(in) && !is_ours(out)) return error::not_ours;
  if (flags) return Error(EINVAL);
  End from, to;
  auto opened = open_end(in, in_offset, from);
  if (opened) opened = open_end(out, out_offset, to);
  // A negative offset overflows here, as the kernel has it.
  if (!opened) return opened.error().errno_value() == EINVAL ? Error(EOVERFLOW) : opened.error();
  BT_TRY_ASSIGN(uint64_t from_device, check_kind(from));
  BT_TRY_ASSIGN(uint64_t to_device, check_kind(to));
  // A descriptor of the mount can be the kernel's too. Two mounts of ours copy, though the kernel would not.
  if (from.ours != to.ours && from_device != to_device) return Error(EXDEV);
  BT_TRY(check_access(from, to));
  BT_TRY_ASSIGN(size, cut_within_file(from, to, base::min(size, kTransferMax)));
  BT_TRY_ASSIGN(uint64_t done, copy(from, to, size));
  BT_TRY(give_offset(from, in_offset));
  BT_TRY(give_offset(to, out_offset));
  return done;
}

}  // namespace

BT_SERVE_DESCRIPTOR(sendfile) { return answer(send_file(a, b, c, d)); }
BT_SERVE_DESCRIPTOR(splice) { return answer(splice_ends(a, b, c, d, e, uint_of(f))); }
BT_SERVE_DESCRIPTOR(copy_file_range) { return answer(copy_range(a, b, c, d, e, uint_of(f))); }
// Both are between pipes alone.
BT_SERVE_DESCRIPTOR(tee) { return is_ours(a) || is_ours(b) ? -EINVAL : kPassthrough; }
BT_SERVE_DESCRIPTOR(vmsplice) { return is_ours(a) ? -EBADF : kPassthrough; }

}  // namespace bt::posix
