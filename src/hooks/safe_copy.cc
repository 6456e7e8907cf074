// SPDX-License-Identifier: MIT
#include "hooks/safe_copy.h"

#include <asm/unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/syscall.h"
#include "base/user_copy.h"

namespace bt::hooks {
namespace {

using base::raw_argument;
using base::raw_syscall;

constexpr uint64_t kStringChunk = 256;

bool plausible(uint64_t from, uint64_t size) {
  return is_user_address(from) && size <= kUserEnd - from;
}

int64_t kernel_read(void* to, uint64_t size, uint64_t from) {
  struct Vector {
    uint64_t base, size;
  } local{reinterpret_cast<uint64_t>(to), size}, remote{from, size};
  int64_t pid = raw_syscall(__NR_getpid);
  int64_t got =
      raw_syscall(__NR_process_vm_readv, pid, raw_argument(&local), 1, raw_argument(&remote), 1, 0);
  return got == static_cast<int64_t>(size) ? 0 : -EFAULT;
}

// In runs that end at page boundaries, so that a string just before an unmapped page is read.
int64_t kernel_read_string(char* to, uint64_t size, uint64_t from) {
  for (uint64_t done = 0; done < size;) {
    uint64_t to_page_end = 4096 - ((from + done) & 4095);
    uint64_t run = base::min(base::min(size - done, kStringChunk), to_page_end);
    if (!plausible(from + done, run) || kernel_read(to + done, run, from + done)) return -EFAULT;
    for (uint64_t i = 0; i < run; i++)
      if (to[done + i] == 0) return static_cast<int64_t>(done + i + 1);
    done += run;
  }
  return static_cast<int64_t>(size);
}

// The usual case: a string that ends on the OS page where it begins; what is left of its last word is zero. −ENAMETOOLONG:
// take the long way.
int64_t read_string_on_page(char* to, uint64_t size, uint64_t from) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101, kHigh = kOnes * 0x80;
  uint64_t end = base::min(4096 - (from & 4095), size) & ~uint64_t{7};
  for (uint64_t at = 0; at < end; at += 8) {
    uint64_t word;
    if (!base::load_user_u64(reinterpret_cast<const void*>(from + at), word)) return -EFAULT;
    uint64_t zeros = (word - kOnes) & ~word & kHigh;  // the lowest is exact
    if (zeros) {
      uint64_t lowest = zeros & -zeros;
      word &= (lowest >> 7) - 1;
      __builtin_memcpy(to + at, &word, 8);
      return static_cast<int64_t>(at) + __builtin_ctzll(lowest) / 8 + 1;
    }
    __builtin_memcpy(to + at, &word, 8);
  }
  return -ENAMETOOLONG;
}

}  // namespace

constinit std::atomic<bool> faults_handled{false};

void set_faults_handled(bool handled) { faults_handled.store(handled, std::memory_order_relaxed); }

int64_t safe_read(void* to, uint64_t size, uint64_t from) {
  if (size == 0) return 0;
  int64_t result = -EFAULT;
  if (plausible(from, size)) {
    if (!faults_handled.load(std::memory_order_relaxed))
      result = kernel_read(to, size, from);
    else if (base::copy_from_user(to, reinterpret_cast<const void*>(from), size))
      result = 0;
  }
  if (result) __builtin_memset(to, 0, size);
  return result;
}

int64_t safe_read_string(char* to, uint64_t size, uint64_t from) {
  if (size == 0) return 0;
  int64_t result = -EFAULT;
  if (may_load_words(from)) {
    int64_t copied = read_string_on_page(to, size, from);
    if (copied > 0) [[likely]]
      return copied;
  }
  if (plausible(from, 1)) {
    uint64_t room = base::min(size, kUserEnd - from);
    if (faults_handled.load(std::memory_order_relaxed)) {
      result = base::copy_string_from_user(to, reinterpret_cast<const char*>(from), room);
      if (result >= 0)
        result++;
      else if (result == -ENAMETOOLONG)
        result = static_cast<int64_t>(room);
    } else {
      result = kernel_read_string(to, room, from);
    }
  }
  if (result < 0)
    __builtin_memset(to, 0, size);
  else
    to[result - 1] = 0;
  return result;
}

}  // namespace bt::hooks
