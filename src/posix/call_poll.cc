// SPDX-License-Identifier: MIT
// poll, ppoll, select, pselect6, epoll_ctl. Regular files and directories are always ready. The kernel sees placeholders,
// for which poll would say POLLNVAL; so a call with descriptors of ours among others asks the kernel about the others alone,
// without waiting, for ours are ready already.
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/materialise.h"
#include "posix/serve.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

constexpr uint32_t kPollMax = 1024;  // more with a file of ours among them: asked in turns
constexpr int16_t kAlwaysReady = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

bool any_of_ours(const pollfd* list, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    uint32_t fd;
    if (!base::load_user_u32(&list[i].fd, fd)) return false;
    if (static_cast<int32_t>(fd) >= 0 && is_ours(fd)) return true;
  }
  return false;
}

// One stretch of the list. Returns how many are ready.
Result<uint64_t> poll_stretch(pollfd* list, uint32_t count) {
  pollfd copy[kPollMax];
  int32_t number[kPollMax];
  if (!base::copy_from_user(copy, list, count * sizeof(pollfd))) return Error(EFAULT);
  for (uint32_t i = 0; i < count; i++) {
    number[i] = copy[i].fd;
    if (copy[i].fd >= 0 && is_ours(static_cast<uint32_t>(copy[i].fd))) copy[i].fd = -1;
  }
  timespec no_wait = {0, 0};
  BT_TRY_ASSIGN(int64_t ready, from_kernel(raw_syscall(SYS_ppoll, raw_argument(copy), count,
                                                       raw_argument(&no_wait))));
  for (uint32_t i = 0; i < count; i++) {
    if (number[i] >= 0 && copy[i].fd < 0) {
      bool path_only =
          read_entry(*thread_state.files, static_cast<uint32_t>(number[i])) & kEntryPathOnly;
      copy[i].revents = path_only ? POLLNVAL : static_cast<int16_t>(copy[i].events & kAlwaysReady);
      ready += copy[i].revents != 0;
    }
    if (!base::copy_to_user(&list[i].revents, &copy[i].revents, sizeof copy[i].revents))
      return Error(EFAULT);
  }
  return static_cast<uint64_t>(ready);
}

Result<uint64_t> poll_list(pollfd* list, uint64_t count, bool& all_unready) {
  uint64_t ready = 0;
  for (uint64_t at = 0; at < count; at += kPollMax) {
    uint32_t stretch = static_cast<uint32_t>(count - at < kPollMax ? count - at : kPollMax);
    BT_TRY_ASSIGN(uint64_t some, poll_stretch(list + at, stretch));
    ready += some;
  }
  all_unready = ready == 0;
  return ready;
}

// The most that may stand beside the seconds: a timeval may have more than a second of microseconds.
constexpr int64_t kAnyMicroseconds = INT64_MAX, kNanosecondsMax = 999'999'999;
// What the kernel says of a timeout before it looks at descriptors.
Result<void> check_timeout(uint64_t at, int64_t fraction_max) {
  uint64_t seconds, rest;
  if (at == 0) return {};
  if (!base::load_user_u64(pointer_of<uint64_t>(at), seconds) ||
      !base::load_user_u64(pointer_of<uint64_t>(at) + 1, rest))
    return Error(EFAULT);
  auto fraction = static_cast<int64_t>(rest);
  bool valid = static_cast<int64_t>(seconds) >= 0 && fraction >= 0 && fraction <= fraction_max;
  return valid ? Result<void>() : Result<void>(Error(EINVAL));
}

// More than there may be descriptors: EINVAL, before anything is looked at. A short list needs no asking.
bool is_too_long(uint64_t count) {
  constexpr uint64_t kShort = 64;
  rlimit limit;
  return count > kShort && raw_syscall(SYS_getrlimit, RLIMIT_NOFILE, raw_argument(&limit)) == 0 &&
         count > limit.rlim_cur;
}

int64_t poll_or_pass(uint64_t list_at, uint64_t count, uint64_t timeout) {
  pollfd* list = pointer_of<pollfd>(list_at);
  count = uint_of(count);
  if (is_too_long(count) || !any_of_ours(list, count)) return kPassthrough;
  if (auto good = check_timeout(timeout, kNanosecondsMax); !good) return answer(good);
  bool all_unready = false;
  auto ready = poll_list(list, count, all_unready);
  // A file asked about nothing it can be ready for: waiting for the others is the kernel's, on the file itself.
  if (ready && all_unready) {
    for (uint64_t i = 0; i < count; i++) {
      uint32_t fd;
      if (base::load_user_u32(&list[i].fd, fd) && static_cast<int32_t>(fd) >= 0 && is_ours(fd))
        if (auto real = make_real(*thread_state.files, static_cast<int32_t>(fd)); !real)
          return answer(real);
    }
    return answer_error(pass(Way::k_passed_poll));
  }
  return answer(ready);
}

// ---- select ---------------------------------------------------------------------------------------------------------
constexpr uint32_t kSelectWords =
    64;  // 4,096 descriptors; beyond, the kernel answers ready for placeholders anyway
struct Sets {
  uint64_t word[3][kSelectWords];
};

// The lowest number of which a bit is set in a word of a set.
uint32_t lowest_number(uint64_t word, uint64_t bits) {
  return static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(__builtin_ctzll(bits));
}

// Numbers that are ours, and those kept back, which are not open for the program.
bool any_selected(uint64_t count, const uint64_t (&at)[3], Sets& sets) {
  uint64_t words = (count + 63) / 64;
  bool ours = false;
  for (int set = 0; set < 3; set++) {
    for (uint64_t i = 0; i < words; i++) {
      uint64_t& word = sets.word[set][i];
      word = 0;
      if (at[set] && !base::load_user_u64(pointer_of<uint64_t>(at[set]) + i, word)) return false;
      for (uint64_t bits = word; bits && !ours; bits &= bits - 1)
        ours = read_entry(*thread_state.files, lowest_number(i, bits)) != 0;
    }
  }
  return ours;
}

// Ours are readable and writable at once and never exceptional; for the others the kernel is asked without waiting.
Result<uint64_t> select_ready(uint64_t count, const uint64_t (&at)[3], Sets& sets) {
  Sets ours = {};
  uint64_t words = (count + 63) / 64, ready = 0;
  for (int set = 0; set < 3; set++)
    for (uint64_t i = 0; i < words; i++)
      for (uint64_t bits = sets.word[set][i]; bits; bits &= bits - 1) {
        uint64_t bit = bits & -bits;
        uint32_t fd = lowest_number(i, bits);
        uint64_t entry = read_entry(*thread_state.files, fd);
        if (fd >= count || entry == 0) continue;
        if (!(entry & kEntryOurs)) return Error(EBADF);
        sets.word[set][i] &= ~bit;
        if (set == 2) continue;
        ours.word[set][i] |= bit;
        ready++;
      }
  timespec no_wait = {0, 0};
  BT_TRY_ASSIGN(int64_t others,
                from_kernel(raw_syscall(SYS_pselect6, static_cast<int64_t>(count),
                                        raw_argument(sets.word[0]), raw_argument(sets.word[1]),
                                        raw_argument(sets.word[2]), raw_argument(&no_wait))));
  for (int set = 0; set < 3; set++) {
    if (!at[set]) continue;
    for (uint64_t i = 0; i < words; i++) sets.word[set][i] |= ours.word[set][i];
    if (!base::copy_to_user(pointer_of<void>(at[set]), sets.word[set], words * 8))
      return Error(EFAULT);
  }
  return ready + static_cast<uint64_t>(others);
}

int64_t select_or_pass(uint64_t count, uint64_t in, uint64_t out, uint64_t exceptional,
                       uint64_t timeout, int64_t fraction_max) {
  count = uint_of(count);
  if (count > kSelectWords * 64) return kPassthrough;
  const uint64_t at[3] = {in, out, exceptional};
  Sets sets;
  if (!any_selected(count, at, sets)) return kPassthrough;
  if (auto good = check_timeout(timeout, fraction_max); !good) return answer(good);
  return answer(select_ready(count, at, sets));
}

}  // namespace

BT_SERVE_DESCRIPTOR(poll) { return poll_or_pass(a, b, 0); }
BT_SERVE_DESCRIPTOR(ppoll) { return poll_or_pass(a, b, c); }
BT_SERVE_DESCRIPTOR(select) { return select_or_pass(a, b, c, d, e, kAnyMicroseconds); }
BT_SERVE_DESCRIPTOR(pselect6) { return select_or_pass(a, b, c, d, e, kNanosecondsMax); }

// Files that are always ready cannot be watched.
BT_SERVE_DESCRIPTOR(epoll_ctl) {
  if (!is_ours(c)) return is_ours(a) ? -EINVAL : kPassthrough;
  return is_ours(a) ? -EINVAL : -EPERM;
}

}  // namespace bt::posix
