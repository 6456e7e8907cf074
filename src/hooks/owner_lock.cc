// SPDX-License-Identifier: MIT
#include "hooks/owner_lock.h"

#include <asm/unistd.h>
#include <fcntl.h>

#include <cerrno>

#include "base/syscall.h"

namespace bt::hooks {
namespace {

using base::raw_argument;
using base::raw_syscall;

constexpr uint32_t kSpins = 200;
constexpr uint32_t kTries = 20000;           // sched_yield rounds before giving up
constexpr uint32_t kTriesPerLifeCheck = 16;  // the first check comes after about 10 µs

struct ThreadStat {
  bool readable = false;
  char state = 0;
  uint32_t start = 0;
};

// /proc/TID/stat: "tid (comm) S ppid … starttime(22) …"; comm may hold anything, so fields count from its last ')'.
ThreadStat parse_stat(const char* text, int64_t size) {
  ThreadStat stat;
  int64_t at = size - 1;
  while (at > 0 && text[at] != ')') at--;
  if (at <= 0 || at + 2 >= size) return stat;
  at += 2;
  stat.state = text[at];
  for (int field = 3; field < 22 && at < size; at++)
    if (text[at] == ' ') field++;
  uint64_t start = 0;
  for (; at < size && text[at] >= '0' && text[at] <= '9'; at++)
    start = start * 10 + (text[at] - '0');
  stat.start = static_cast<uint32_t>(start);
  stat.readable = true;
  return stat;
}

ThreadStat stat_of(uint32_t tid) {
  char path[32] = "/proc/";
  char digits[12];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + tid % 10);
  while (tid /= 10);
  int at = 6;
  while (count) path[at++] = digits[--count];
  for (const char* tail = "/stat"; *tail; tail++) path[at++] = *tail;
  path[at] = 0;
  int64_t fd = raw_syscall(__NR_openat, AT_FDCWD, raw_argument(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[512];
  int64_t size = raw_syscall(__NR_read, fd, raw_argument(text), sizeof text);
  raw_syscall(__NR_close, fd);
  return size > 0 ? parse_stat(text, size) : ThreadStat{};
}

}  // namespace

OwnerToken token_of_this_thread() {
  auto tid = static_cast<uint32_t>(raw_syscall(__NR_gettid));
  return tid | static_cast<uint64_t>(stat_of(tid).start) << 32;
}

bool owner_lives(OwnerToken token) {
  auto tid = static_cast<uint32_t>(token);
  auto start = static_cast<uint32_t>(token >> 32);
  if (tid == 0) return false;
  if (raw_syscall(__NR_tkill, tid, 0) == -ESRCH) return false;
  ThreadStat stat = stat_of(tid);
  if (!stat.readable) return raw_syscall(__NR_tkill, tid, 0) != -ESRCH;
  if (stat.state == 'Z' || stat.state == 'X') return false;
  return start == 0 || stat.start == start;
}

Acquired owner_lock_slow(std::atomic<uint64_t>& word, OwnerToken self) {
  for (uint32_t spin = 0; spin < kSpins; spin++) {
    uint64_t expected = 0;
    if (word.load(std::memory_order_relaxed) == 0 &&
        word.compare_exchange_strong(expected, self, std::memory_order_acquire))
      return Acquired::kYes;
    __builtin_ia32_pause();
  }
  for (uint32_t round = 1; round <= kTries; round++) {
    uint64_t holder = 0;
    if (word.compare_exchange_strong(holder, self, std::memory_order_acquire))
      return Acquired::kYes;
    if (holder == self) return Acquired::kNo;  // a signal handler that met its own thread
    if (round % kTriesPerLifeCheck == 0 && !owner_lives(holder) &&
        word.compare_exchange_strong(holder, self, std::memory_order_acquire))
      return Acquired::kFromDead;
    raw_syscall(__NR_sched_yield);
  }
  return Acquired::kNo;
}

}  // namespace bt::hooks
