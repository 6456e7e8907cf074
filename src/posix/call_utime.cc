// SPDX-License-Identifier: MIT
// utimensat, futimesat, utimes, utime. Setting both times to the present needs only the right to write; anything else
// needs ownership: the engine tells them apart by kTimeNow.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/user_copy.h"
#include "posix/serve.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

using engine::AttributeChange;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

struct TwoTimes {
  int64_t value[4];  // access, modification; each {seconds, nanoseconds or microseconds}
};

int64_t nanoseconds(int64_t seconds, int64_t rest) {
  constexpr int64_t kMost = INT64_MAX / kNanosecondsPerSecond - 1;
  if (seconds > kMost) seconds = kMost;
  if (seconds < -kMost) seconds = -kMost;
  return seconds * kNanosecondsPerSecond + rest;
}

AttributeChange both_now() {
  AttributeChange change;
  change.which = AttributeChange::kAtime | AttributeChange::kMtime;
  change.atime_ns = change.mtime_ns = engine::kTimeNow;
  return change;
}

// EINVAL for nanoseconds that are neither such nor UTIME_NOW or UTIME_OMIT.
Result<void> take_one(const TwoTimes& times, uint32_t which, uint32_t bit, AttributeChange& change,
                      int64_t& place) {
  int64_t seconds = times.value[2 * which], rest = times.value[2 * which + 1];
  if (rest == UTIME_OMIT) return {};
  if (rest == UTIME_NOW) {
    place = engine::kTimeNow;
  } else {
    if (rest < 0 || rest >= kNanosecondsPerSecond) return Error(EINVAL);
    place = nanoseconds(seconds, rest);
  }
  change.which |= bit;
  return {};
}

Result<void> change_times(int32_t directory, const char* path, uint32_t flags,
                          const AttributeChange& change) {
  engine::Attributes after;
  if (!path && directory != AT_FDCWD) {
    if (flags != kWalkFollow) return Error(EINVAL);
    OpenFile file;
    BT_TRY(find_usable(uint_of(static_cast<uint64_t>(directory)), file));
    engine::Context context = file.context();
    return change.which ? engine::set_attributes(context, file.inode, change, after)
                        : Result<void>();
  }
  Walk walk;
  BT_TRY(walk_at(directory, path, flags, walk));
  engine::Context context = walk.context();
  return change.which ? engine::set_attributes(context, walk.found.inode, change, after)
                      : Result<void>();
}

Result<void> set_nanoseconds(int32_t directory, const char* path, uint64_t times_at,
                             uint32_t at_flags) {
  if (at_flags & ~static_cast<uint32_t>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return Error(EINVAL);
  AttributeChange change = both_now();
  if (times_at) {
    TwoTimes times;
    if (!base::copy_from_user(&times, pointer_of<void>(times_at), sizeof times))
      return Error(EFAULT);
    change = {};
    BT_TRY(take_one(times, 0, AttributeChange::kAtime, change, change.atime_ns));
    BT_TRY(take_one(times, 1, AttributeChange::kMtime, change, change.mtime_ns));
    // Nothing to change: the kernel does not even look at the path.
    if (!change.which) return {};
  }
  return change_times(directory, path, walk_flags_of(at_flags), change);
}

Result<void> set_microseconds(int32_t directory, const char* path, uint64_t times_at) {
  AttributeChange change = both_now();
  if (times_at) {
    TwoTimes times;
    if (!base::copy_from_user(&times, pointer_of<void>(times_at), sizeof times))
      return Error(EFAULT);
    for (int i = 0; i < 2; i++)
      if (times.value[2 * i + 1] < 0 || times.value[2 * i + 1] >= 1'000'000) return Error(EINVAL);
    change.atime_ns = nanoseconds(times.value[0], times.value[1] * 1000);
    change.mtime_ns = nanoseconds(times.value[2], times.value[3] * 1000);
  }
  return change_times(directory, path, kWalkFollow, change);
}

Result<void> set_seconds(const char* path, uint64_t times_at) {
  AttributeChange change = both_now();
  if (times_at) {
    int64_t times[2];
    if (!base::copy_from_user(times, pointer_of<void>(times_at), sizeof times))
      return Error(EFAULT);
    change.atime_ns = nanoseconds(times[0], 0);
    change.mtime_ns = nanoseconds(times[1], 0);
  }
  return change_times(AT_FDCWD, path, kWalkFollow, change);
}

}  // namespace

BT_SERVE(utimensat) { return answer(set_nanoseconds(int_of(a), pointer_of(b), c, uint_of(d))); }
BT_SERVE(futimesat) { return answer(set_microseconds(int_of(a), pointer_of(b), c)); }
BT_SERVE(utimes) { return answer(set_microseconds(AT_FDCWD, pointer_of(a), b)); }
BT_SERVE(utime) { return answer(set_seconds(pointer_of(a), b)); }

}  // namespace bt::posix
