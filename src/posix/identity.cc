// SPDX-License-Identifier: MIT
#include "posix/identity.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/syscall.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

// "1234 (name with ) and blanks) S 1 …": counting begins behind the last parenthesis, at field 3.
uint64_t parse_start_time(const char* text, int64_t size) {
  int64_t at = size - 1;
  while (at >= 0 && text[at] != ')') at--;
  if (at < 0) return 0;
  uint32_t field = 2;
  for (at++; at < size; at++) {
    if (text[at] != ' ') continue;
    if (++field < 22) continue;
    uint64_t value = 0;
    for (at++; at < size && text[at] >= '0' && text[at] <= '9'; at++)
      value = value * 10 + static_cast<uint64_t>(text[at] - '0');
    return value;
  }
  return 0;
}

uint64_t read_start_time(const char* path) {
  char text[1024];
  int64_t fd = raw_syscall(SYS_open, raw_argument(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  int64_t size = raw_syscall(SYS_read, fd, raw_argument(text), sizeof text);
  raw_syscall(SYS_close, fd);
  return size > 0 ? parse_start_time(text, size) : 0;
}

}  // namespace

const Identity& process_identity(Files& files) {
  Identity& identity = files.identity;
  if (!identity.pid) {
    if (!identity.start_time) identity.start_time = read_start_time("/proc/self/stat");
    __atomic_store_n(&identity.pid, static_cast<uint32_t>(raw_syscall(SYS_getpid)),
                     __ATOMIC_RELEASE);
  }
  return identity;
}

uint64_t boot_ticks() {
  constexpr uint64_t kPerSecond = 100, kNanoseconds = 1'000'000'000;  // USER_HZ, whatever HZ is
  timespec now;
  if (raw_syscall(SYS_clock_gettime, CLOCK_BOOTTIME, raw_argument(&now)) != 0) return 0;
  return static_cast<uint64_t>(now.tv_sec) * kPerSecond +
         static_cast<uint64_t>(now.tv_nsec) / (kNanoseconds / kPerSecond);
}

uint64_t start_time_of(uint32_t pid) {
  char path[32] = "/proc/";
  char digits[12];
  uint32_t count = 0, at = 6;
  for (uint32_t rest = pid; rest || !count; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  while (count) path[at++] = digits[--count];
  for (const char* tail = "/stat"; *tail; tail++) path[at++] = *tail;
  path[at] = 0;
  return read_start_time(path);
}

}  // namespace bt::posix
