// SPDX-License-Identifier: MIT
#include "registry/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstddef>

#include "base/bytes.h"
#include "base/syscall.h"

namespace bt::registry {
namespace {

using base::raw_argument;
using base::raw_syscall;
using base::Text;

// Appends to a fixed buffer; one that overflowed stays overflowed and is refused at the end.
class PathBuilder {
 public:
  PathBuilder(char* buffer, uint32_t size) : buffer_(buffer), size_(size) {}
  PathBuilder& add(Text text) {
    for (uint32_t i = 0; i < text.size; i++) put(text.data[i]);
    return *this;
  }
  PathBuilder& add(const char* text) { return add(base::text_of(text)); }
  PathBuilder& add_number(uint64_t number) {
    char digits[20];
    uint32_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number);
    while (count) put(digits[--count]);
    return *this;
  }
  Result<void> finish() {
    put('\0');
    return used_ > size_ ? Result<void>(Error(ENAMETOOLONG)) : Result<void>();
  }

 private:
  void put(char c) {
    if (used_ < size_) buffer_[used_] = c;
    used_++;
  }
  char* buffer_;
  uint32_t size_;
  uint32_t used_ = 0;
};

Result<void> read_all(int64_t file, void* buffer, uint64_t size, uint64_t& got) {
  got = 0;
  while (got < size) {
    int64_t n = raw_syscall(SYS_read, file, raw_argument(static_cast<char*>(buffer) + got),
                            static_cast<int64_t>(size - got));
    if (n < 0) return Error(static_cast<int>(-n));
    if (n == 0) break;
    got += static_cast<uint64_t>(n);
  }
  return {};
}

// Nobody else can have written it.
Result<void> check_trust(int64_t file, uint32_t uid) {
  struct stat status;
  int64_t result = raw_syscall(SYS_fstat, file, raw_argument(&status));
  if (result < 0) return Error(static_cast<int>(-result));
  if ((status.st_uid != uid && status.st_uid != 0) || (status.st_mode & 022)) return Error(EPERM);
  return {};
}

bool is_header(const RegistryHeader& header) {
  return header.magic == kRegistryMagic && header.record_size == sizeof(MountRecord) &&
         header.count <= kMountsMax;
}

// What a record with a short path has.
constexpr uint64_t kHeadBytes = offsetof(MountRecord, mount_point) + kShortPathBytes;

// The end of a long path is read by itself: mostly it is zero, and so is `mount`, whose memory it need not cost.
Result<void> read_record(int64_t file, uint64_t at, MountRecord& mount) {
  auto read = [&](uint64_t from, uint64_t size) {
    return raw_syscall(SYS_pread64, file, raw_argument(&mount) + static_cast<int64_t>(from),
                       static_cast<int64_t>(size),
                       static_cast<int64_t>(at + from)) == static_cast<int64_t>(size);
  };
  if (!read(0, kHeadBytes) || mount.mount_point_size >= kPathBytes) return Error(EINVAL);
  if (mount.mount_point_size >= kShortPathBytes &&
      !read(kHeadBytes, sizeof(MountRecord) - kHeadBytes))
    return Error(EINVAL);
  return mount.mount_point[mount.mount_point_size] == '\0' ? Result<void>() : Error(EINVAL);
}

Result<uint32_t> read_open_registry(int64_t file, uint32_t uid, MountRecord* mounts, uint32_t max) {
  BT_TRY(check_trust(file, uid));
  RegistryHeader header{};
  uint64_t got = 0;
  BT_TRY(read_all(file, &header, sizeof header, got));
  if (got != sizeof header || !is_header(header)) return Error(EINVAL);
  uint32_t count = base::min(header.count, max);
  for (uint32_t i = 0; i < count; i++)
    BT_TRY(read_record(file, sizeof header + i * sizeof(MountRecord), mounts[i]));
  return count;
}

// The header and the beginning of the first record.
struct Head {
  RegistryHeader header;
  char record[kHeadBytes];
};

Result<void> take_mount_point(const char* record, MountPoint& point) {
  __builtin_memcpy(&point.size, record + offsetof(MountRecord, mount_point_size),
                   sizeof point.size);
  if (point.size >= kShortPathBytes) return Error(ENAMETOOLONG);
  __builtin_memcpy(point.path, record + offsetof(MountRecord, mount_point), kShortPathBytes);
  return point.path[point.size] == '\0' ? Result<void>() : Error(EINVAL);
}

Result<uint32_t> read_open_mount_points(int64_t file, uint32_t uid, MountPoint* points,
                                        uint32_t max) {
  BT_TRY(check_trust(file, uid));
  Head head = {};
  int64_t got = raw_syscall(SYS_read, file, raw_argument(&head), sizeof head);
  if (got < static_cast<int64_t>(sizeof head.header) || !is_header(head.header))
    return Error(EINVAL);
  if (head.header.count > max) return Error(ENAMETOOLONG);
  for (uint32_t i = 0; i < head.header.count; i++) {
    uint64_t at = sizeof(RegistryHeader) + uint64_t{i} * sizeof(MountRecord);
    if (i)
      got = raw_syscall(SYS_pread64, file, raw_argument(head.record), sizeof head.record,
                        static_cast<int64_t>(at));
    if (got < static_cast<int64_t>(sizeof head.record)) return Error(EINVAL);
    BT_TRY(take_mount_point(head.record, points[i]));
  }
  return head.header.count;
}

// What `read` finds in the file `mounts`; 0 when there is none.
template <typename Read>
Result<uint32_t> with_registry(const char* directory, Read read) {
  char name[kDirectoryBytes + 16];
  BT_TRY(PathBuilder(name, sizeof name).add(directory).add("/mounts").finish());
  int64_t file =
      raw_syscall(SYS_openat, AT_FDCWD, raw_argument(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file == -ENOENT || file == -ENOTDIR) return 0u;
  if (file < 0) return Error(static_cast<int>(-file));
  Result<uint32_t> result = read(file);
  raw_syscall(SYS_close, file);
  return result;
}

Result<int32_t> open_descriptor(const MountRecord& mount, int32_t number, int32_t flags) {
  char name[64];
  BT_TRY(PathBuilder(name, sizeof name)
             .add("/proc/")
             .add_number(mount.daemon_pid)
             .add("/fd/")
             .add_number(static_cast<uint32_t>(number))
             .finish());
  int64_t file = raw_syscall(SYS_openat, AT_FDCWD, raw_argument(name), flags | O_CLOEXEC);
  if (file < 0) return Error(static_cast<int>(-file));
  return static_cast<int32_t>(file);
}

}  // namespace

Text find_variable(const char* const* environment, const char* name) {
  Text wanted = base::text_of(name);
  for (; environment && *environment; environment++) {
    uint32_t i = 0;
    while (i < wanted.size && (*environment)[i] == wanted[i]) i++;
    if (i == wanted.size) return base::text_of(*environment + i);
  }
  return {};
}

Result<void> run_directory(const char* const* environment, uint32_t uid,
                           char (&directory)[kDirectoryBytes]) {
  PathBuilder path(directory, kDirectoryBytes);
  Text own = find_variable(environment, "BTFUSE_RUN_DIR=");
  if (own.size) return path.add(own).finish();
  if (uid == 0) return path.add("/run/btfuse").finish();
  Text runtime = find_variable(environment, "XDG_RUNTIME_DIR=");
  if (runtime.size) return path.add(runtime).add("/btfuse").finish();
  return path.add("/tmp/btfuse-").add_number(uid).finish();
}

Result<uint32_t> read_mounts(const char* directory, uint32_t uid, MountRecord* mounts,
                             uint32_t max) {
  return with_registry(directory,
                       [&](int64_t file) { return read_open_registry(file, uid, mounts, max); });
}

Result<uint32_t> read_mount_points(const char* directory, uint32_t uid, MountPoint* points,
                                   uint32_t max) {
  return with_registry(
      directory, [&](int64_t file) { return read_open_mount_points(file, uid, points, max); });
}

Result<int32_t> open_volume(const MountRecord& mount, bool read_only) {
  BT_TRY_ASSIGN(int32_t file,
                open_descriptor(mount, mount.volume_descriptor, read_only ? O_RDONLY : O_RDWR));
  // A reused pid may have anything at that number: the size here, the volume's id after mapping, tell.
  struct stat status;
  int64_t result = raw_syscall(SYS_fstat, file, raw_argument(&status));
  if (result < 0 || !S_ISREG(status.st_mode) ||
      static_cast<uint64_t>(status.st_size) != mount.volume_size) {
    raw_syscall(SYS_close, file);
    return Error(ESTALE);
  }
  return file;
}

Result<int32_t> open_source(const MountRecord& mount) {
  if (mount.source_descriptor == 0) return Error(ENOENT);
  return open_descriptor(mount, mount.source_descriptor, O_PATH | O_DIRECTORY);
}

Result<int32_t> open_watch(const MountRecord& mount) {
  if (mount.watch_descriptor == 0) return Error(ENOENT);
  // An inotify instance has no name to open it by; the kernel's check is the same as that of /proc/PID/fd.
  int64_t process = raw_syscall(SYS_pidfd_open, mount.daemon_pid, 0);
  if (process < 0) return Error(static_cast<int>(-process));
  int64_t watch = raw_syscall(SYS_pidfd_getfd, process, mount.watch_descriptor, 0);
  raw_syscall(SYS_close, process);
  if (watch < 0) return Error(static_cast<int>(-watch));
  return static_cast<int32_t>(watch);
}

}  // namespace bt::registry
